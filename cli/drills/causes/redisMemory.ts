import { UserError } from "../../errors";
import {
  CAUSE_SECONDS,
  type Cause,
  type CauseContext,
  command,
  containerOf,
  type RemovalContext,
  runningContainerOf,
} from "./cause";

const PREFIX = "fitnesscrm-drill:";
/** Above the alarm, and below the size from which keys of the application are evicted. */
const GOAL_PERCENT = 98;
/** What one call writes blocks the server for some milliseconds. */
const KEYS_AT_ONCE = 32;
const VALUE_BYTES = 256 * 1024;
/** Keys that one drill may write: enough for 8 GiB. */
const KEYS_MAX = 32_768;

/** As the container itself, whose password is one of its last start. */
const CLI = "redis-cli --no-auth-warning --user container";

/** Writes some keys; says how full the server is, in percent, or 0 when it has no largest size. */
const FILL = `
local function figure(name)
  return tonumber(string.match(redis.call('INFO', 'memory'), '[\\r\\n]' .. name .. ':(%d+)'))
end
local largest = figure('maxmemory')
if largest == 0 then return '0' end
local used = figure('used_memory')
local value = string.rep('x', tonumber(ARGV[3]))
for i = 1, tonumber(ARGV[2]) do
  if used + (i + 1) * #value > largest * tonumber(ARGV[5]) / 100 then break end
  redis.call('SET', KEYS[1] .. (tonumber(ARGV[1]) + i), value, 'EX', ARGV[4])
end
return tostring(figure('used_memory') * 100 / largest)
`;

/** Runs a line of shell beside the server, with its password where `redis-cli` looks for it. */
function shell(
  { docker }: RemovalContext,
  container: string,
  line: string,
  args: readonly string[] = [],
): Promise<string> {
  const script = `set -eu; REDISCLI_AUTH=$(cat /run/redis/own_password); export REDISCLI_AUTH; ${line}`;
  return command(docker, "Redis", ["exec", container, "sh", "-c", script, "sh", ...args]);
}

async function begin(context: CauseContext): Promise<void> {
  const container = await runningContainerOf(context, "redis");
  let percent = 0;
  for (let written = 0; written < KEYS_MAX; written += KEYS_AT_ONCE) {
    context.signal.throwIfAborted();
    const numbers = [written, KEYS_AT_ONCE, VALUE_BYTES, CAUSE_SECONDS, GOAL_PERCENT].map(String);
    const answer = await shell(context, container, `${CLI} EVAL "$@"`, [...[FILL, "1", PREFIX], ...numbers]);
    const now = Number(answer);
    if (!(now > 0)) {
      throw new UserError(`Redis answered ${JSON.stringify(answer)} instead of how full it is`);
    }
    if (now - percent < 0.01) {
      break;
    }
    percent = now;
  }
  if (percent < GOAL_PERCENT - 2) {
    throw new UserError(`Redis could be filled to ${percent.toFixed(1)}% only`);
  }
}

/** Deletes the keys, then has the append-only file written anew, which holds them as well. */
async function remove(context: RemovalContext): Promise<boolean> {
  const container = await containerOf(context, "redis");
  if (container === undefined) {
    return false;
  }
  const there = await shell(context, container, `${CLI} --scan --pattern '${PREFIX}*' | head -n 1`);
  if (there === "") {
    return false;
  }
  await shell(
    context,
    container,
    `${CLI} --scan --pattern '${PREFIX}*' | xargs -r -n 500 ${CLI} UNLINK; ${CLI} BGREWRITEAOF`,
  );
  return true;
}

export const redisMemory: Cause = { begin, remove };
