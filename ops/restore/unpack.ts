import { once } from "node:events";
import { access, mkdir } from "node:fs/promises";
import { basename } from "node:path";
import type { Readable, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { decrypt } from "../backup/crypt";
import { childController, start, together } from "../backup/process";
import { reasonOf } from "../health";

/** What age says, in words of who restores. */
export function decryptProblem(error: unknown, identityFile: string, file: string): unknown {
  const reason = reasonOf(error);
  const name = basename(file);
  if (/no identity matched/i.test(reason)) {
    return new Error(
      `the key ${identityFile} does not open ${name}: the backup was made for another one, which must be put in its place`,
      { cause: error },
    );
  }
  return /^age /.test(reason)
    ? new Error(
        `${name} cannot be decrypted: ${reason.replace(/^age failed[^:]*: (age: )?(error: )?/, "")}`,
        {
          cause: error,
        },
      )
    : error;
}

async function plain(identityFile: string, file: string, signal: AbortSignal): Promise<Readable> {
  await access(identityFile).catch((error: NodeJS.ErrnoException) => {
    throw new Error(
      `the secret ${identityFile} is ${error.code === "ENOENT" ? "missing" : `not readable (${error.code})`}`,
    );
  });
  return decrypt(identityFile, file, signal);
}

/** Decrypts a database's archive into a new folder, which is then a dump in the directory format. */
export async function unpackDump(
  identityFile: string,
  file: string,
  folder: string,
  signal: AbortSignal,
): Promise<void> {
  await mkdir(folder, { mode: 0o700 });
  const { controller, release } = childController(signal);
  try {
    const content = await plain(identityFile, file, controller.signal);
    const tar = start("tar", ["--extract", "--file=-", `--directory=${folder}`], {
      signal: controller.signal,
      stdio: ["pipe", "ignore", "pipe"],
    });
    if (tar.process.stdin === null) throw new Error("tar has no input");
    const fed = feed(content, tar.process.stdin).catch((error: unknown) => {
      throw decryptProblem(error, identityFile, file);
    });
    // age's reason first: tar only says that its input ended too early.
    await together(controller, [fed, tar.done]);
  } finally {
    release();
  }
}

/**
 * Writes a stream to a program that may have heard enough before its end, as tar has at the end of an archive. The stream is
 * read to its end all the same: only there is it known to be authentic.
 */
async function feed(source: Readable, program: Writable): Promise<void> {
  let open = true;
  const shut = () => {
    open = false;
  };
  const left = once(program, "close").then(shut, shut);
  program.on("error", shut);
  for await (const part of source) {
    if (open && !program.write(part)) {
      await Promise.race([once(program, "drain"), left]).catch(() => undefined);
    }
  }
  program.end();
}

/** What was compressed and then encrypted. The stream fails when the file is damaged or the key is the wrong one. */
export function plainZstd(identityFile: string, file: string, signal: AbortSignal): Readable {
  const zstd = start("zstd", ["--decompress", "--quiet", "--stdout"], {
    signal,
    stdio: ["pipe", "pipe", "pipe"],
  });
  const { stdin, stdout } = zstd.process;
  if (stdin === null || stdout === null) throw new Error("zstd has no pipes");
  const fail = (error: unknown) => stdout.destroy(error instanceof Error ? error : new Error(String(error)));
  plain(identityFile, file, signal)
    .then((content) => pipeline(content, stdin))
    .catch((error: unknown) => fail(decryptProblem(error, identityFile, file)));
  zstd.done.catch(fail);
  return stdout;
}
