/**
 * Keeps one open issue a stack while what exists differs from what is declared, and closes it when that is over:
 *
 *   GITHUB_REPOSITORY=owner/name GITHUB_TOKEN=… npx tsx scripts/ci/drift-issue.ts STACK RESULT comment.md
 *
 * RESULT is the exit code of `scripts/ci/drift`.
 */
import { readFileSync } from "node:fs";
import { findMarked, main, markerIn, repositoryOf, send } from "./github";

export async function driftIssue(
  environment: NodeJS.ProcessEnv,
  stack?: string,
  result?: string,
  file?: string,
): Promise<string> {
  if (stack === undefined || file === undefined || !/^\d+$/.test(result ?? "")) {
    throw new Error("usage: npx tsx scripts/ci/drift-issue.ts STACK RESULT FILE");
  }
  const repository = repositoryOf(environment);
  const marker = `<!-- fitnesscrm-drift ${stack} -->`;
  const old = await findMarked(repository, "/issues?state=open&per_page=100", marker);
  if (result === "0") {
    if (old === undefined) {
      return `stack ${stack} is as declared`;
    }
    const issue = `/issues/${old.number}`;
    await send(repository, "POST", `${issue}/comments`, { body: `Stack \`${stack}\` is as declared again.` });
    await send(repository, "PATCH", issue, { state: "closed", state_reason: "completed" });
    return `stack ${stack} is as declared again: closed issue ${old.number}`;
  }
  const preview = readFileSync(file, "utf8");
  const body = `${marker}\n\n${explanation(stack)}\n\n${preview.replace(markerIn(preview), "").trimStart()}`;
  if (old === undefined) {
    await send(repository, "POST", "/issues", { title: `Drift of stack ${stack}`, body });
    return `stack ${stack} is not as declared: opened an issue`;
  }
  await send(repository, "PATCH", `/issues/${old.number}`, { body });
  return `stack ${stack} is not as declared: updated issue ${old.number}`;
}

function explanation(stack: string): string {
  return (
    `The nightly comparison of what exists with what is declared found a difference, or could not be made. \`./fitnesscrm up ` +
    `--stack ${stack} --refresh\` brings back what is declared; what is meant to stay belongs in the program. This text is ` +
    "that of the newest night, and the issue closes by itself."
  );
}

if (require.main === module) {
  const [, , stack, result, file] = process.argv;
  void main(() => driftIssue(process.env, stack, result, file));
}
