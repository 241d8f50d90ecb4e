/**
 * Puts a preview's comment on a pull request, in the place of the one before, also when nothing changes any more:
 *
 *   PULL_REQUEST=12 GITHUB_REPOSITORY=owner/name GITHUB_TOKEN=… npx tsx scripts/ci/comment.ts STACK comment.md
 */
import { existsSync, readFileSync } from "node:fs";
import { findMarked, main, markerIn, repositoryOf, send, variable } from "./github";

export async function comment(
  environment: NodeJS.ProcessEnv,
  stack?: string,
  file?: string,
): Promise<string> {
  if (stack === undefined || file === undefined) {
    throw new Error("usage: npx tsx scripts/ci/comment.ts STACK FILE");
  }
  const repository = repositoryOf(environment);
  const number = variable(environment, "PULL_REQUEST");
  if (!/^\d+$/.test(number)) {
    throw new Error(`PULL_REQUEST is ${JSON.stringify(number)}, not a number`);
  }
  const marker = `<!-- fitnesscrm-preview ${stack} -->`;
  // A comment that stays would speak of another commit than the newest one.
  const body = existsSync(file) ? readFileSync(file, "utf8") : nothing(marker, stack);
  if (markerIn(body) !== marker) {
    throw new Error(`${file} is not the preview of stack ${stack}`);
  }
  const comments = `/issues/${number}/comments`;
  const old = await findMarked(repository, `${comments}?per_page=100`, marker);
  if (old === undefined) {
    await send(repository, "POST", comments, { body });
    return `commented on pull request ${number}`;
  }
  await send(repository, "PATCH", `/issues/comments/${old.id}`, { body });
  return `updated the comment on pull request ${number}`;
}

function nothing(marker: string, stack: string): string {
  return `${marker}\n\n## Preview of \`${stack}\`: failed\n\nIt ended before it began: the reason is in the log of the run.\n`;
}

if (require.main === module) {
  const [, , stack, file] = process.argv;
  void main(() => comment(process.env, stack, file));
}
