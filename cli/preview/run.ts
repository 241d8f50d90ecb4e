import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { PROJECT_FOLDER } from "../context";
import { UserError } from "../errors";

/** Pulumi can go on without an end after it has met an error, e.g. a protected resource that it should replace. */
const SILENT_AFTER_ERROR_SECONDS = 30;
/** A provider that waits for a server may say nothing for minutes; nothing that ends well takes longer. */
const SILENT_SECONDS = 600;
/** What Pulumi gets to end by itself. */
const GRACE_SECONDS = 10;

export interface PreviewRun {
  args: readonly string[];
  environment: NodeJS.ProcessEnv;
  /** Called with every line of standard output. */
  onLine: (line: string) => void;
  /** The same for standard error. */
  onErrorLine: (line: string) => void;
  /** The error that a line of either tells of; undefined for any other line. */
  errorIn: (line: string) => string | undefined;
  /** Whether a line only says that Pulumi is still there. */
  isIdle?: (line: string) => boolean;
  program?: string;
  limits?: { silentAfterError: number; silent: number };
}

export interface PreviewEnd {
  code: number;
  /** Why it was ended from here; undefined when it ended by itself. */
  hung?: string;
}

/** Runs a preview, and ends one that says nothing any more. */
export function runPreview(options: PreviewRun): Promise<PreviewEnd> {
  const { silentAfterError, silent } = options.limits ?? {
    silentAfterError: SILENT_AFTER_ERROR_SECONDS,
    silent: SILENT_SECONDS,
  };
  return new Promise((resolve, reject) => {
    const child = spawn(options.program ?? "pulumi", options.args, {
      cwd: PROJECT_FOLDER,
      env: options.environment,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let error: string | undefined;
    let hung: string | undefined;
    let timer: NodeJS.Timeout | undefined;
    let killTimer: NodeJS.Timeout | undefined;

    const end = (seconds: number): void => {
      hung =
        error === undefined
          ? `pulumi said nothing for ${seconds} s and was ended`
          : `pulumi said nothing for ${seconds} s after an error and was ended: ${error}`;
      child.kill("SIGINT");
      killTimer = setTimeout(() => child.kill("SIGKILL"), GRACE_SECONDS * 1000);
    };
    const heard = (): void => {
      clearTimeout(timer);
      if (hung === undefined) {
        const seconds = error === undefined ? silent : silentAfterError;
        timer = setTimeout(() => end(seconds), seconds * 1000);
      }
    };
    const follow = (stream: NodeJS.ReadableStream, hand: (line: string) => void): void => {
      createInterface({ input: stream }).on("line", (line) => {
        error ??= options.errorIn(line);
        if (options.isIdle?.(line) !== true) {
          heard();
        }
        hand(line);
      });
    };

    heard();
    follow(child.stdout, options.onLine);
    follow(child.stderr, options.onErrorLine);
    child.on("error", (problem: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      reject(problem.code === "ENOENT" ? new UserError("pulumi is not installed, or not on PATH") : problem);
    });
    child.on("exit", () => {
      // What a killed Pulumi has started may hold its output open for longer than it lives.
      if (hung !== undefined) {
        child.stdout.destroy();
        child.stderr.destroy();
      }
    });
    child.on("close", (code) => {
      clearTimeout(timer);
      clearTimeout(killTimer);
      resolve({ code: code ?? 1, ...(hung !== undefined && { hung }) });
    });
  });
}
