/** The base64 texts in which secrets and configs carry their data. */
import { type Failure, type Props, UNKNOWN } from "../lib/types";

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** What is wrong with `data`; the value itself is in no message, it may be a secret. */
export function checkBase64(inputs: Props, property: string): Failure[] {
  const value = inputs[property];
  if (value === undefined || value === UNKNOWN) return [];
  if (typeof value === "string" && BASE64.test(value)) return [];
  const reason = 'is not base64; encode the text, e.g. Buffer.from(text).toString("base64")';
  return [{ property, reason }];
}
