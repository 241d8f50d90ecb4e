/** One statement of an IAM or bucket policy document, as far as the rules read it. */
export interface Statement {
  readonly Effect?: string;
  readonly Principal?: unknown;
  readonly NotPrincipal?: unknown;
  readonly Action?: string | readonly string[];
  readonly NotAction?: string | readonly string[];
  readonly Resource?: string | readonly string[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/**
 * The statements of a policy document, given as JSON text or as an object.
 *
 * @returns undefined when it is neither.
 */
export function statementsOf(document: unknown): readonly Statement[] | undefined {
  let parsed = document;
  if (typeof document === "string") {
    try {
      parsed = JSON.parse(document);
    } catch {
      return undefined;
    }
  }
  if (typeof parsed !== "object" || parsed === null || !("Statement" in parsed)) {
    return undefined;
  }
  return list(parsed.Statement as Statement | readonly Statement[]);
}

/** Those of `actions` that some statement allows, on whatever resource and under whatever condition. */
export function allowed(statements: readonly Statement[], actions: readonly string[]): string[] {
  const allowing = statements.filter(({ Effect }) => Effect === "Allow");
  return actions.filter((action) => allowing.some((statement) => covers(statement, action)));
}

/** True when anybody at all is allowed something without a condition. */
export function isPublic(statements: readonly Statement[]): boolean {
  return statements.some(
    (statement) =>
      statement.Effect === "Allow" &&
      (isEverybody(statement.Principal) || statement.NotPrincipal !== undefined) &&
      Object.keys(statement.Condition ?? {}).length === 0,
  );
}

/** True when everybody is denied everything, on the bucket and on its objects, unless the request came by TLS. */
export function refusesPlainHttp(statements: readonly Statement[]): boolean {
  return statements.some(
    (statement) =>
      statement.Effect === "Deny" &&
      isEverybody(statement.Principal) &&
      ["s3:GetObject", "s3:PutObject", "s3:ListBucket", "s3:DeleteObject"].every((a) =>
        covers(statement, a),
      ) &&
      coversBucketAndObjects(list(statement.Resource ?? [])) &&
      isPlainHttpOnly(statement.Condition),
  );
}

function covers({ Action, NotAction }: Statement, action: string): boolean {
  return NotAction === undefined
    ? list(Action ?? []).some((pattern) => matches(pattern, action))
    : !list(NotAction).some((pattern) => matches(pattern, action));
}

/** IAM's wildcards: `*` for any run of characters, `?` for one. Action names ignore case. */
function matches(pattern: string, action: string): boolean {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${source}$`, "i").test(action);
}

function isEverybody(principal: unknown): boolean {
  if (principal === "*") {
    return true;
  }
  const aws = Object(principal).AWS as string | readonly string[] | undefined;
  return aws !== undefined && list(aws).includes("*");
}

function coversBucketAndObjects(resources: readonly string[]): boolean {
  return (
    resources.includes("*") ||
    resources.some((arn) => arn.startsWith("arn:") && resources.includes(`${arn}/*`))
  );
}

/** A further condition would narrow the refusal, so there must be none. */
function isPlainHttpOnly(condition: Statement["Condition"] = {}): boolean {
  const entries = Object.entries(condition).flatMap(([operator, keys]) =>
    Object.entries(keys).map(([key, value]) => ({ operator, key, value })),
  );
  const [only] = entries;
  return (
    entries.length === 1 &&
    only !== undefined &&
    only.operator === "Bool" &&
    only.key.toLowerCase() === "aws:securetransport" &&
    list(only.value as string).every((value) => String(value) === "false")
  );
}

function list<T>(value: T | readonly T[]): readonly T[] {
  return Array.isArray(value) ? value : [value as T];
}
