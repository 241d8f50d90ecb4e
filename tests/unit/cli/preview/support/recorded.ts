import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Preview, PreviewReader } from "../../../../../cli/preview/events";

const FOLDER = join(__dirname, "..", "recorded");

/** A preview of a real stack, made by `trim.ts`. */
export function recordedText(name: string): string {
  return readFileSync(join(FOLDER, `${name}.jsonl`), "utf8");
}

export function recorded(name: string): Preview {
  const reader = new PreviewReader();
  for (const line of recordedText(name).split("\n")) {
    reader.add(line);
  }
  return reader.preview;
}
