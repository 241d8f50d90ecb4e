import { messageOf } from "../../errors";
import type { Asked } from "../facts";

/** Asks for one thing; that nobody answers is an answer, too. */
export async function ask<T>(question: () => Promise<T>): Promise<Asked<T>> {
  try {
    return { answer: await question() };
  } catch (error) {
    return { unknown: messageOf(error).split("\n")[0] ?? "" };
  }
}
