import { known, type Member, type Stack } from "./rule";

export const CONFIG = "docker:index/serviceConfig:ServiceConfig";

/** A file that the stack hands to its containers, as JSON. */
export interface JsonFile {
  readonly config: Member<typeof CONFIG>;
  readonly content: Readonly<Record<string, unknown>>;
}

/**
 * The stack's JSON file that has all of these keys.
 *
 * @returns undefined when there is none.
 * @throws UnknownValueError when it may be one that is not known yet.
 */
export function fileWith(stack: Stack, ...keys: readonly string[]): JsonFile | undefined {
  const configs = stack.of(CONFIG);
  const read = configs.map((config) => ({ config, content: known(() => contentOf(config)) }));
  const found = read.find(({ content }) => content !== undefined && keys.every((key) => key in content));
  if (found?.content !== undefined) {
    return { config: found.config, content: found.content };
  }
  // Reading one that is not known yet leaves the question open.
  configs.forEach(contentOf);
  return undefined;
}

function contentOf({ props }: Member<typeof CONFIG>): Readonly<Record<string, unknown>> {
  const text = Buffer.from(props.data ?? "", "base64").toString("utf8");
  if (!text.startsWith("{")) {
    return {};
  }
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}
