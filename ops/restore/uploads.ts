import { join } from "node:path";
import type { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { FILES, type Manifest } from "../backup/manifest";
import type { BackupSettings } from "../backup/settings";
import { listingOfTar } from "../backup/uploads";
import { withLock } from "../lock";
import type { TaskContext } from "../tasks/runner";
import { checkRoom, onDisk, removeLeftovers, withFolder } from "./scratch";
import { type From, type RestorePlaces, withSource } from "./source";
import { plainZstd } from "./unpack";

const FOLDER = ".uploads-";

/**
 * Writes a backup's uploads to `out` as a plain tar, once all of it was checked against the manifest: whoever reads it writes
 * files as it comes.
 *
 * @throws Error of one line: no such backup, a copy that is damaged, the wrong key, a difference.
 */
export async function uploads(
  settings: BackupSettings,
  request: { readonly id: string; readonly from: From },
  out: Writable,
  context: Pick<TaskContext, "signal" | "log">,
  places: RestorePlaces,
): Promise<void> {
  await withLock(
    join(places.scratch, `${FOLDER}lock`),
    async (lost) => {
      const own = { ...context, signal: AbortSignal.any([context.signal, lost]) };
      await removeLeftovers(places.scratch, FOLDER, context.log);
      await withSource(settings, request, places, own, (source) =>
        withFolder(places.scratch, FOLDER, async (folder) => {
          await checkRoom(places.scratch, source.fetchedBytes(FILES.uploads));
          const file = await onDisk(places.scratch, () => source.fetch(FILES.uploads, folder));
          const identity = join(places.secrets, "backup_identity");
          await compareUploads(source.manifest, identity, file, own.signal);
          await pipeline(plainZstd(identity, file, own.signal), out, { end: false });
        }),
      );
    },
    { what: "a restore of uploads" },
  );
}

/** @throws Error of one line when the archive does not hold what the manifest says. */
export async function compareUploads(
  manifest: Manifest,
  identityFile: string,
  file: string,
  signal: AbortSignal,
): Promise<void> {
  const found = await listingOfTar(plainZstd(identityFile, file, signal));
  const { files, bytes, sha256 } = manifest.uploads;
  if (found.files !== files || found.bytes !== bytes || found.sha256 !== sha256) {
    throw new Error(
      `the uploads of ${manifest.id} are not what the manifest says: ${found.files} files of ${found.bytes} bytes, ` +
        `${files} of ${bytes} are expected${found.files === files && found.bytes === bytes ? " with other content" : ""}`,
    );
  }
}
