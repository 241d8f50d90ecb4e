import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { SES } from "@aws-sdk/client-ses";
import MailComposer from "nodemailer/lib/mail-composer";
import { z } from "zod";
import type { BackupSettings } from "../backup/settings";
import { reasonOf } from "../health";
import { type MailSettings, readMailSettings } from "./settings";

/** One message to people, in two forms of the same content. */
export interface Mail {
  /** Addresses. Each sees the others. */
  readonly to: readonly string[];
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

export interface MailerOptions {
  readonly from: string;
  /** Shown before the address. */
  readonly name: string;
  readonly region: string;
  /** Of an emulator; AWS's own when absent. */
  readonly endpoint?: string;
  readonly credentials: () => Promise<{ accessKeyId: string; secretAccessKey: string }>;
}

/** A mail that was not sent. Its message names the recipients, who need not be named everywhere. */
export class MailError extends Error {
  constructor(
    to: readonly string[],
    readonly reason: string,
  ) {
    super(`the mail to ${to.join(", ")} is not sent: ${reason}`);
  }
}

/** Until the service has taken a message or the attempt has failed, milliseconds; three attempts are within it. */
const PATIENCE_MS = 60_000;
const CONNECT_MS = 10_000;
const SILENCE_MS = 20_000;

/** Sends mail to people by Amazon SES: notices and reports. Pages go another way, which needs nothing of this host. */
export class Mailer {
  constructor(private readonly options: MailerOptions) {}

  /** The mail service, for errors. */
  get service(): string {
    const { region, endpoint } = this.options;
    return `Amazon SES in ${region}${endpoint === undefined ? "" : ` (${endpoint})`}`;
  }

  /** @throws MailError of one line that names the recipients and the reason. */
  async send(mail: Mail, signal?: AbortSignal): Promise<void> {
    const { from, region, endpoint, credentials } = this.options;
    const limit = AbortSignal.timeout(PATIENCE_MS);
    const client = new SES({
      region,
      ...(endpoint !== undefined && { endpoint }),
      credentials,
      maxAttempts: 3,
      requestHandler: { connectionTimeout: CONNECT_MS, socketTimeout: SILENCE_MS },
    });
    try {
      const data = await this.compose(mail);
      const raw = { Source: from, Destinations: [...mail.to], RawMessage: { Data: data } };
      const abortSignal = signal === undefined ? limit : AbortSignal.any([signal, limit]);
      try {
        await client.sendRawEmail(raw, { abortSignal });
      } catch (error) {
        // An emulator that was started anew has forgotten whom it may send from; on AWS only the address's owner can say.
        if (endpoint === undefined || (error as Error).name !== "MessageRejected") {
          throw error;
        }
        await client.verifyEmailIdentity({ EmailAddress: from }, { abortSignal });
        await client.sendRawEmail(raw, { abortSignal });
      }
    } catch (error) {
      throw new MailError(mail.to, reasonFor(error, limit, signal));
    } finally {
      client.destroy();
    }
  }

  /** The message as it goes over the wire, all ASCII: headers and bodies are encoded where they must be. */
  compose({ to, subject, text, html }: Mail): Promise<Buffer> {
    if (to.length === 0) {
      return Promise.reject(new Error("it has no recipient"));
    }
    const { from, name } = this.options;
    return new MailComposer({
      from: { name, address: from },
      to: [...to],
      subject,
      text,
      html,
      textEncoding: "quoted-printable",
      // No vacation notes in answer to a report.
      headers: { "Auto-Submitted": "auto-generated" },
    })
      .compile()
      .build();
  }
}

function reasonFor(error: unknown, limit: AbortSignal, signal: AbortSignal | undefined): string {
  if (signal?.aborted) {
    return reasonOf(signal.reason);
  }
  return limit.aborted ? `no answer within ${PATIENCE_MS / 1000} s` : reasonOf(error);
}

const key = z.object({ accessKeyId: z.string().min(1), secretAccessKey: z.string().min(1) });

/** What the container of ops is given for mail: its settings, and the key `mailer` among its secrets. */
export async function openMailer(
  { stack, region, endpoint }: Pick<BackupSettings, "stack" | "region" | "endpoint">,
  places: { readonly files: string; readonly secrets: string },
): Promise<Mailer> {
  const { from }: MailSettings = await readMailSettings(join(places.files, "mail.json"));
  return new Mailer({
    from,
    name: `FitnessCRM ${stack}`,
    region,
    ...(endpoint !== undefined && { endpoint }),
    // Read anew each time: it may have been replaced.
    credentials: async () => key.parse(JSON.parse(await readFile(join(places.secrets, "mailer"), "utf8"))),
  });
}
