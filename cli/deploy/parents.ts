import { readFileSync } from "node:fs";

const POLL_MILLISECONDS = 500;
/** The shell, the plugin, the engine. */
const GENERATIONS = 3;

/**
 * Ends this process once one of those that started it is gone. An engine that was killed cannot end its commands, and a gate that
 * went on alone would write of a deployment that nobody runs any more.
 */
export function endWithParents(onEnd: () => void = () => process.exit(1)): void {
  const before = parents(process.pid);
  if (before.length === 0) {
    // It was left alone before it came here.
    onEnd();
    return;
  }
  const timer = setInterval(() => {
    const now = parents(process.pid);
    if (now.length < before.length || now.some((pid, index) => pid !== before[index])) {
      clearInterval(timer);
      onEnd();
    }
  }, POLL_MILLISECONDS);
  timer.unref();
}

/** Up to {@link GENERATIONS} ancestors, nearest first; only the nearest where /proc is not there. */
function parents(pid: number): number[] {
  const found: number[] = [];
  let child = pid;
  while (found.length < GENERATIONS) {
    const parent = parentOf(child) ?? (child === process.pid ? process.ppid : undefined);
    if (parent === undefined || parent <= 1) {
      break;
    }
    found.push(parent);
    child = parent;
  }
  return found;
}

function parentOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The command's name stands in parentheses and may hold anything.
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  } catch {
    return undefined;
  }
}
