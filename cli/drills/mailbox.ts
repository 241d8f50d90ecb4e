import { z } from "zod";
import { UserError } from "../errors";
import { get } from "../http";
import { type Mail, type Page, pagesOf } from "./pages";

const ANSWER_SECONDS = 5;
/** Messages of one question, newest first. */
const PAGE_SIZE = 100;

const listing = z.looseObject({
  messages: z.array(z.looseObject({ ID: z.string(), Created: z.string() })),
});
const message = z.looseObject({
  To: z.array(z.looseObject({ Address: z.string() })).nullish(),
  Text: z.string(),
});

/** The mailbox of a local stack, from a moment on. Every message is read once. */
export class Mailbox {
  private readonly known = new Map<string, Page[]>();

  constructor(
    private readonly url: string,
    private readonly since: Date,
  ) {}

  /** All pages since the moment, in order of arrival. @throws UserError when the mailbox does not say. */
  async pages(): Promise<Page[]> {
    for (let start = 0; ; start += PAGE_SIZE) {
      const { messages } = await this.ask(`messages?limit=${PAGE_SIZE}&start=${start}`, listing);
      const fresh = messages.filter(
        ({ ID, Created }) => new Date(Created) >= this.since && !this.known.has(ID),
      );
      const read = await Promise.all(
        fresh.map(async ({ ID, Created }) => [ID, await this.read(ID, new Date(Created))] as const),
      );
      for (const [id, mail] of read) {
        this.known.set(id, pagesOf(mail));
      }
      if (fresh.length < messages.length || messages.length < PAGE_SIZE) {
        break;
      }
    }
    return [...this.known.values()].flat().sort((a, b) => a.receivedAt.getTime() - b.receivedAt.getTime());
  }

  private async read(id: string, receivedAt: Date): Promise<Mail> {
    const { To, Text } = await this.ask(`message/${id}`, message);
    return { to: (To ?? []).map(({ Address }) => Address), text: Text, receivedAt };
  }

  private async ask<T>(path: string, schema: z.ZodType<T>): Promise<T> {
    const { status, body } = await get(`${this.url}/api/v1/${path}`, ANSWER_SECONDS);
    if (status !== 200) {
      throw new UserError(`the mailbox at ${this.url} answers ${status}`);
    }
    return schema.parse(JSON.parse(body));
  }
}
