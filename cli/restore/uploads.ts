import { UserError } from "../errors";
import { type Engine, reasonOf, runChecked, runningContainer } from "./engine";

/**
 * Works on the uploads volume: `$1` its folder, `$2` what to do, `$3` the stamp of this restore, `$4` that of an earlier one.
 *
 * Three names in the volume are ours, each followed by a stamp: `.incoming-` (complete, waiting), `.arriving-` (the current
 * content has gone aside, the new one is moving in) and `.replaced-` (the content that went aside). Every move is a rename
 * within one file system, and every action can be killed at any point and begun again. Until an action begins to move, the
 * application's files are not touched.
 */
export const UPLOADS_SCRIPT = `set -euo pipefail
cd -- "$1"
action=$2 stamp=$3 earlier=\${4-}
fail() { printf 'uploads: %s\\n' "$1" >&2; exit 1; }
exec 9<.
flock --wait 120 9 || fail 'another restore is at work on the volume: wait for it to end'
incoming=.incoming-$stamp arriving=.arriving-$stamp replaced=.replaced-$stamp
case $action in
stage)
  rm -rf -- "$incoming"
  mkdir -m 0700 -- "$incoming"
  tar --extract --file=- --directory="$incoming" --numeric-owner --preserve-permissions --anchored \\
    --exclude=./.incoming-'*' --exclude=./.arriving-'*' --exclude=./.replaced-'*' \\
    --exclude=.incoming-'*' --exclude=.arriving-'*' --exclude=.replaced-'*'
  sync -f .
  ;;
discard)
  rm -rf -- "$incoming"
  ;;
swap)
  if [[ -n $earlier && -e .replaced-$earlier ]]; then mv -T -- ".replaced-$earlier" "$incoming"; fi
  if [[ -e $incoming ]]; then
    mkdir -p -m 0700 -- "$replaced"
    find . -mindepth 1 -maxdepth 1 ! -name '.incoming-*' ! -name '.arriving-*' ! -name '.replaced-*' \\
      -exec mv -t "$replaced" -- {} +
    mv -T -- "$incoming" "$arriving"
  fi
  if [[ -e $arriving ]]; then
    find "$arriving" -mindepth 1 -maxdepth 1 -exec mv -t . -- {} +
    rmdir -- "$arriving"
  fi
  sync -f .
  ;;
list)
  find . -mindepth 1 -maxdepth 1 -name '.replaced-*' -exec du -s --block-size=1 -- {} + | sort -k 2
  ;;
empty)
  [[ -n $(find . -mindepth 1 -maxdepth 1 ! -name '.incoming-*' ! -name '.replaced-*' -print -quit) ]] || echo empty
  ;;
drop)
  rm -rf -- "$replaced"
  ;;
*) fail "unknown action $action" ;;
esac
`;

/** Uploads that a restore has put aside. */
export interface KeptUploads {
  stamp: string;
  bytes: number;
}

/**
 * The application's uploads, by short-lived containers that are root in the volume and nowhere else: no network, and of the
 * capabilities only those that keep a file's owner.
 */
export class UploadsVolume {
  constructor(
    private readonly engine: Engine,
    private readonly stack: string,
  ) {}

  get volume(): string {
    return `fitnesscrm-${this.stack}-uploads`;
  }

  /** Puts a backup's uploads beside the current ones, out of the restore container's stream. */
  async stage(stamp: string, source: { id: string; from: string }): Promise<void> {
    const container = await runningContainer(this.engine, this.stack, "restore");
    const reader = ["exec", "-i", container, "node", "/opt/ops/main.js", "uploads"];
    const writer = await this.command("stage", stamp);
    const result = await this.engine.pipe(reader, writer, { input: JSON.stringify(source) });
    if (result.source.code !== 0 && !(result.sink.code !== 0 && /uploads:/.test(result.sink.stderr))) {
      throw new UserError(`uploads of ${source.id}: ${reasonOf(result.source)}`);
    }
    if (result.sink.code !== 0) {
      throw new UserError(`uploads of ${source.id}: writing them: ${reasonOf(result.sink)}`);
    }
  }

  /** Removes what {@link stage} put there. */
  async discard(stamp: string): Promise<void> {
    await this.work("discard", stamp);
  }

  /**
   * Puts the staged uploads, or those of an earlier restore, in the current ones' place. Done already: nothing happens.
   */
  async swap(stamp: string, earlier?: string): Promise<void> {
    await this.work("swap", stamp, earlier);
  }

  /** What earlier restores have put aside, oldest first. */
  async kept(): Promise<KeptUploads[]> {
    const stdout = await this.work("list");
    return stdout
      .split("\n")
      .map((line) => /^(\d+)\s+\.\/\.replaced-(\d{14})$/.exec(line))
      .flatMap((match) => (match === null ? [] : [{ stamp: match[2] ?? "", bytes: Number(match[1]) }]));
  }

  async isEmpty(): Promise<boolean> {
    return (await this.work("empty")).trim() === "empty";
  }

  async drop(stamp: string): Promise<void> {
    await this.work("drop", stamp);
  }

  private async work(action: string, stamp = "", earlier?: string): Promise<string> {
    return runChecked(this.engine, "uploads", await this.command(action, stamp, earlier), { input: "" });
  }

  private async command(action: string, stamp: string, earlier?: string): Promise<string[]> {
    const container = await runningContainer(this.engine, this.stack, "db");
    const image = await runChecked(this.engine, "image of the database server", [
      "container",
      "inspect",
      "--format",
      "{{.Image}}",
      container,
    ]);
    return [
      "run",
      "--rm",
      "-i",
      "--network",
      "none",
      "--user",
      "0",
      "--read-only",
      "--security-opt",
      "no-new-privileges",
      "--cap-drop",
      "ALL",
      ...["CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID"].flatMap((name) => ["--cap-add", name]),
      "--entrypoint",
      "/bin/bash",
      "-v",
      // Without "nocopy" an empty volume would get the owner of this image's folder, and the application could not write.
      `${this.volume}:/uploads:nocopy`,
      image.trim(),
      "-c",
      UPLOADS_SCRIPT,
      "restore",
      "/uploads",
      action,
      stamp,
      ...(earlier === undefined ? [] : [earlier]),
    ];
  }
}
