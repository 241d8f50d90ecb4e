import { get } from "node:http";

export interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: string;
}

/** Not by `fetch`, which unpacks what it gets and adds headers of its own. */
export function ask(url: string, headers: Record<string, string> = {}, method = "GET"): Promise<Answer> {
  return new Promise((done, failed) => {
    get(url, { headers, method }, (answer) => {
      let body = "";
      answer.setEncoding("latin1").on("data", (text: string) => {
        body += text;
      });
      answer.on("end", () => done({ status: answer.statusCode ?? 0, headers: answer.headers, body }));
    }).on("error", failed);
  });
}
