/** AWS SDK clients, made on first use: loading one takes longer than starting the plugin. */

import type { CloudWatch } from "@aws-sdk/client-cloudwatch";
import type { IAM } from "@aws-sdk/client-iam";
import type { S3 } from "@aws-sdk/client-s3";
import type { SES } from "@aws-sdk/client-ses";
import type { SNS } from "@aws-sdk/client-sns";
import type { STS } from "@aws-sdk/client-sts";
import { refusal, type Service, type Settings } from "./config";

// `import()` would load the packages' ES modules, hundreds of files each; their CommonJS form is a single one.

// The SDK would write several lines about future versions of Node into the engine's display.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= "true";

interface Client {
  destroy(): void;
}

/** One emulator: its settings and a client for each service and region. */
export class Aws {
  readonly #clients = new Map<string, Client>();

  constructor(readonly settings: Settings) {}

  get region(): string {
    return this.settings.region;
  }

  s3(region = this.region): S3 {
    return this.#client("s3", region, (base) => {
      const sdk = require("@aws-sdk/client-s3") as typeof import("@aws-sdk/client-s3");
      return new sdk.S3({ ...base, forcePathStyle: this.settings.s3UsePathStyle });
    });
  }

  iam(): IAM {
    return this.#client("iam", this.region, (base) => {
      const sdk = require("@aws-sdk/client-iam") as typeof import("@aws-sdk/client-iam");
      return new sdk.IAM(base);
    });
  }

  ses(region = this.region): SES {
    return this.#client("ses", region, (base) => {
      const sdk = require("@aws-sdk/client-ses") as typeof import("@aws-sdk/client-ses");
      return new sdk.SES(base);
    });
  }

  sns(region = this.region): SNS {
    return this.#client("sns", region, (base) => {
      const sdk = require("@aws-sdk/client-sns") as typeof import("@aws-sdk/client-sns");
      return new sdk.SNS(base);
    });
  }

  cloudwatch(region = this.region): CloudWatch {
    return this.#client("cloudwatch", region, (base) => {
      const sdk = require("@aws-sdk/client-cloudwatch") as typeof import("@aws-sdk/client-cloudwatch");
      return new sdk.CloudWatch(base);
    });
  }

  sts(): STS {
    return this.#client("sts", this.region, (base) => {
      const sdk = require("@aws-sdk/client-sts") as typeof import("@aws-sdk/client-sts");
      return new sdk.STS(base);
    });
  }

  close(): void {
    for (const client of this.#clients.values()) client.destroy();
    this.#clients.clear();
  }

  #client<T extends Client>(service: Service, region: string, make: (base: BaseOptions) => T): T {
    const key = `${service} ${region}`;
    const known = this.#clients.get(key);
    if (known !== undefined) return known as T;
    const { endpoints, accessKey, secretKey, token } = this.settings;
    const endpoint = endpoints[service];
    if (endpoint === undefined) throw new Error(refusal(`no endpoint is set for ${service}`));
    const client = make({
      region,
      endpoint,
      credentials: {
        accessKeyId: accessKey,
        secretAccessKey: secretKey,
        ...(token === undefined ? {} : { sessionToken: token }),
      },
    });
    this.#clients.set(key, client);
    return client;
  }
}

interface BaseOptions {
  region: string;
  endpoint: string;
  credentials: { accessKeyId: string; secretAccessKey: string; sessionToken?: string };
}

/** True when a service says that the object, or one of the named parts of it, does not exist. */
export function isGone(error: unknown, ...names: string[]): boolean {
  const { name, $metadata } = error as { name?: string; $metadata?: { httpStatusCode?: number } };
  return (name !== undefined && names.includes(name)) || $metadata?.httpStatusCode === 404;
}

/** Runs a deletion; what is gone already needs none. */
export async function unlessGone(work: () => Promise<unknown>, ...names: string[]): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!isGone(error, ...names)) throw error;
  }
}

/** What went wrong, in one line: the service's own code and message, or that it does not answer. */
export function reasonOf(error: unknown): string {
  const { name, message, code, errors } = error as {
    name?: string;
    message?: string;
    code?: string;
    errors?: { code?: string; message?: string }[];
  };
  const network = code ?? errors?.[0]?.code;
  if (network !== undefined && /^E[A-Z]+$/.test(network)) {
    const detail = message || errors?.[0]?.message || network;
    return `the emulator does not answer (${detail}); is its container running?`;
  }
  const line = (message ?? String(error)).replace(/\s+/g, " ").trim();
  return name === undefined || name === "Error" || line.startsWith(name) ? line : `${name}: ${line}`;
}
