import { PORTS } from "./launcher";

/** A mail that lies in the stack's mailbox, in both of its forms. */
export interface DeliveredMail {
  readonly subject: string;
  readonly to: string[];
  readonly text: string;
  readonly html: string;
}

interface Listed {
  ID: string;
  Subject: string;
  To: { Address: string }[];
}

const PAGE_SIZE = 200;

async function mailbox<T>(path: string): Promise<T> {
  const answer = await fetch(`http://127.0.0.1:${PORTS.mailbox}/api/v1/${path}`);
  return (await answer.json()) as T;
}

/** Subjects of all mails in the mailbox whose subject has this in it, newest first, with whom they reached. */
export async function listMails(subject: string): Promise<{ id: string; subject: string; to: string[] }[]> {
  const found: Listed[] = [];
  for (;;) {
    const query = `query=${encodeURIComponent(`subject:"${subject}"`)}&limit=${PAGE_SIZE}&start=${found.length}`;
    const { messages } = await mailbox<{ messages: Listed[] }>(`search?${query}`);
    found.push(...messages);
    if (messages.length < PAGE_SIZE) {
      break;
    }
  }
  return found
    .filter(({ Subject }) => Subject.includes(subject))
    .map(({ ID, Subject, To }) => ({ id: ID, subject: Subject, to: To.map(({ Address }) => Address) }));
}

/** The newest mail whose subject has this in it; undefined while there is none. */
export async function newestMail(subject: string): Promise<DeliveredMail | undefined> {
  const [newest] = await listMails(subject);
  return newest && (await open(newest));
}

/** Every mail that somebody got whose subject has this in it. */
export async function mailsTo(address: string, subject: string): Promise<DeliveredMail[]> {
  const mails = await listMails(subject);
  return Promise.all(mails.filter(({ to }) => to.includes(address)).map(open));
}

async function open({
  id,
  subject,
  to,
}: {
  id: string;
  subject: string;
  to: string[];
}): Promise<DeliveredMail> {
  const { Text, HTML } = await mailbox<{ Text: string; HTML: string }>(`message/${id}`);
  return { subject, to, text: Text, html: HTML };
}
