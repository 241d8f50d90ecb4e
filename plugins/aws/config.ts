/** The configuration of the `aws` provider, limited to what an emulator needs. */

import { type Failure, type Props, UNKNOWN } from "../lib/types";

/** The services that the plugin's resource types use, by the name that `endpoints` gives them. */
export const SERVICES = ["s3", "iam", "sns", "ses", "cloudwatch", "sts"] as const;
export type Service = (typeof SERVICES)[number];

export interface Settings {
  readonly region: string;
  readonly accessKey: string;
  readonly secretKey: string;
  readonly token?: string;
  /** Base URL by service; a service without one cannot be used. */
  readonly endpoints: Readonly<Partial<Record<Service, string>>>;
  readonly s3UsePathStyle: boolean;
  readonly skipCredentialsValidation: boolean;
  readonly defaultTags: Readonly<Record<string, string>>;
}

/** What only makes sense with an account. */
const ACCOUNT_ONLY = [
  "allowedAccountIds",
  "assumeRoles",
  "assumeRoleWithWebIdentity",
  "forbiddenAccountIds",
  "ignoreTags",
  "profile",
  "sharedConfigFiles",
  "sharedCredentialsFiles",
  "useDualstackEndpoint",
  "useFipsEndpoint",
] as const;

/** Every property of the configuration that is not a string; the SDK sends these as JSON text. */
export const JSON_CONFIG = [
  ...ACCOUNT_ONLY.filter((key) => key !== "profile"),
  "defaultTags",
  "endpoints",
  "s3UsePathStyle",
  "skipCredentialsValidation",
  "skipMetadataApiCheck",
  "skipRegionValidation",
  "skipRequestingAccountId",
] as const;

/** The one line that every refusal to leave the machine ends in. */
export function refusal(what: string): string {
  return (
    `${what}; this plugin only talks to an emulator: set aws:endpoints, e.g. ` +
    `[{"s3": "http://127.0.0.1:4566"}], or install the official plugin for an AWS account`
  );
}

function isSet(value: unknown): boolean {
  if (value === undefined || value === null || value === "" || value === UNKNOWN) return false;
  return typeof value === "object" ? Object.keys(value).length > 0 : value !== false;
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** The endpoints of all maps of the list, later ones first; `s3api` is another name of `s3`. */
function endpointsOf(value: unknown): Partial<Record<Service, string>> {
  const found: Partial<Record<Service, string>> = {};
  for (const map of Array.isArray(value) ? value : []) {
    if (typeof map !== "object" || map === null) continue;
    for (const [name, url] of Object.entries(map)) {
      const service = SERVICES.find((known) => known === (name === "s3api" ? "s3" : name));
      if (service !== undefined && typeof url === "string" && url !== "") found[service] = url;
    }
  }
  return found;
}

const AWS_HOST = /(^|\.)(amazonaws\.(com|com\.cn|eu)|api\.aws|aws\.amazon\.com)$/i;

function endpointFailure(service: string, url: string): string | undefined {
  let host: string;
  try {
    host = new URL(url).hostname;
  } catch {
    return `the endpoint of ${service} is ${JSON.stringify(url)}, which is not a URL such as http://127.0.0.1:4566`;
  }
  return AWS_HOST.test(host)
    ? refusal(`the endpoint of ${service} is ${host}, which is AWS itself`)
    : undefined;
}

/** Every reason why the configuration cannot be used. Values may be {@link UNKNOWN}. */
export function checkConfig(news: Props): Failure[] {
  const failures: Failure[] = [];
  const fail = (property: string, reason: string): void => {
    failures.push({ property, reason });
  };
  if (news.region !== UNKNOWN && text(news.region) === "") {
    fail("region", "aws:region is not set; give a region such as us-east-1");
  }
  for (const key of ["accessKey", "secretKey"]) {
    if (news[key] !== UNKNOWN && text(news[key]) === "") {
      fail(
        key,
        `aws:${key} is not set; an emulator takes any value, and the environment's own credentials are never sent to it`,
      );
    }
  }
  for (const key of ACCOUNT_ONLY) {
    if (isSet(news[key])) fail(key, refusal(`aws:${key} needs an AWS account`));
  }
  if (news.endpoints !== UNKNOWN) {
    const endpoints = endpointsOf(news.endpoints);
    if (Object.keys(endpoints).length === 0) fail("endpoints", refusal("no endpoint is set"));
    for (const [service, url] of Object.entries(endpoints)) {
      const reason = endpointFailure(service, url);
      if (reason !== undefined) fail("endpoints", reason);
    }
  }
  return failures;
}

/** Settings out of a configuration. What is unknown during a preview is left out, and using it then says so. */
export function parseConfig(config: Props): Settings {
  const failures = checkConfig(config);
  if (failures[0] !== undefined) throw new Error(failures[0].reason);
  const tags = (config.defaultTags as { tags?: Record<string, string> } | undefined)?.tags;
  const token = text(config.token);
  return {
    region: text(config.region),
    accessKey: text(config.accessKey),
    secretKey: text(config.secretKey),
    ...(token === "" ? {} : { token }),
    endpoints: endpointsOf(config.endpoints),
    s3UsePathStyle: config.s3UsePathStyle === true,
    skipCredentialsValidation: config.skipCredentialsValidation === true,
    defaultTags: tags ?? {},
  };
}
