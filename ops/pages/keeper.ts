import { readFile, rename, writeFile } from "node:fs/promises";
import { nextWindow } from "../../maintenanceWindow";
import type { Duty } from "../../rota";
import { type ComponentHealth, limited } from "../health";
import { readAnnouncement } from "../window/announcement";
import { readWindowJournal } from "../window/journal";
import { BANNER_STYLE, renderBanner } from "./banner";
import { noticeAt } from "./notice";
import type { ToldAlarm } from "./openAlarms";
import { renderOperatorsPage } from "./operatorsPage";
import { type LastDrill, renderStatusPage, type StatusData } from "./statusPage";
import { daysOf, type Look, look, NOTHING_SEEN, type Uptime, uptimeSchema } from "./uptime";
import { removePage, writePage } from "./write";

export interface PageOptions {
  /** IANA zone of the times on the pages and of the maintenance windows. */
  readonly zone: string;
  /** The last result of each check. */
  readonly checks: () => readonly ComponentHealth[];
  readonly backup: () => Promise<StatusData["backup"]>;
  readonly drill: () => Promise<LastDrill | null>;
  readonly alarms: () => Promise<ToldAlarm[]>;
  readonly duty: (now: Date) => Duty;
  /** Folder of the windows' journals. */
  readonly windows: string;
  /** File in which the uptime is kept. */
  readonly uptimeFile: string;
  /** Folder of the pages. */
  readonly folder: string;
  /** How often the pages are written, seconds. */
  readonly everySeconds: number;
  readonly log: (line: string) => void;
  readonly now?: () => Date;
  /** How long each of backup, drill and alarms may take to be known, milliseconds. */
  readonly answerMs?: number;
}

/** What ops checks, as people call it. */
const TITLES: Readonly<Record<string, string>> = {
  backend: "Application",
  database: "Database",
  redis: "Cache",
};
const ORDER = ["backend", "database", "redis"];

const LOOK_MS = 10_000;
/** Whoever does not answer by then is not known on this page: the page is for the time in which things are away. */
const ANSWER_MS = 15_000;
/** Checks take a few seconds, and a busy machine is late; what lies further apart was not looked at. */
const LONGEST_MS = 45_000;

/**
 * Looks at the checks every ten seconds, and writes the pages and the banner every `everySeconds`. A failure is logged once, until it ends;
 * readers see that the page is old.
 */
export class PageKeeper {
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;
  private failing = false;
  private looks = 0;
  private uptime: Uptime | undefined;

  constructor(private readonly options: PageOptions) {}

  start(): void {
    void this.round().then(() => {
      if (!this.stopped) {
        this.timer = setTimeout(() => this.start(), LOOK_MS);
      }
    });
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  /** Never rejects. */
  async round(): Promise<void> {
    const { log } = this.options;
    try {
      const seen = this.look();
      this.uptime = look(this.uptime ?? (await this.readUptime()), seen, LONGEST_MS);
      const looksOfAPage = Math.max(1, Math.round((this.options.everySeconds * 1000) / LOOK_MS));
      if (this.looks++ % looksOfAPage === 0) {
        await this.writeUptime(this.uptime);
        await this.write();
        if (Object.keys(seen.up).length < this.options.checks().length) {
          // Checks that were still under way are shown with the next look, not a minute later.
          this.looks = 0;
        }
      }
      if (this.failing) {
        log("the status page is written again");
      }
      this.failing = false;
    } catch (error) {
      // The next look tries again.
      this.looks = 0;
      if (!this.failing) {
        log(
          `the status page is not written: ${error instanceof Error ? error.message.split("\n")[0] : String(error)}`,
        );
      }
      this.failing = true;
    }
  }

  /** Writes everything that people see, as it is now. @throws Error when the volume cannot be written. */
  async write(): Promise<void> {
    const { zone, folder, windows, duty, answerMs = ANSWER_MS } = this.options;
    const asOf = this.now();
    const journal = await readWindowJournal(windows);
    const notice = noticeAt(asOf, zone, journal);
    const announced = notice?.window ?? nextWindow(asOf, zone);
    const announcement = await readAnnouncement(windows, announced.from);
    const [backup, drill, alarms] = await Promise.all([
      limited(this.options.backup(), answerMs).catch(() => undefined),
      limited(this.options.drill(), answerMs).catch(() => undefined),
      limited(this.options.alarms(), answerMs).catch(() => undefined),
    ]);
    const checks = this.options.checks();
    const page = { asOf, zone, backup, drill, alarms, notice, announcement, journal };
    await writePage("banner.css", BANNER_STYLE, folder);
    await (notice === null
      ? removePage("banner.html", folder)
      : writePage("banner.html", renderBanner(notice, zone), folder));
    const { engineer, until, override } = duty(asOf);
    await writePage(
      "operators.html",
      renderOperatorsPage({ ...page, checks, duty: { engineer: engineer.name, until, override } }),
      folder,
    );
    // Last: by its time nginx sees that all of it was written.
    await writePage(
      "status.html",
      renderStatusPage({ ...page, parts: this.parts(checks, asOf), nextWindow: nextWindow(asOf, zone) }),
      folder,
    );
  }

  private parts(checks: readonly ComponentHealth[], asOf: Date): StatusData["parts"] {
    return checks
      .map(({ name }) => name)
      .sort((a, b) => ORDER.indexOf(a) - ORDER.indexOf(b))
      .map((name) => {
        const up = this.look().up[name];
        return {
          title: TITLES[name] ?? name,
          state: up === undefined ? "unknown" : up ? "up" : "down",
          days: daysOf(this.uptime ?? NOTHING_SEEN, name, asOf.getTime()),
        };
      });
  }

  /** What is known now: a result that is older than a look may be has nothing to say any more. */
  private look(): Look {
    const at = this.now().getTime();
    const known = this.options
      .checks()
      .filter(({ checkedAt }) => checkedAt !== undefined && at - Date.parse(checkedAt) <= LONGEST_MS);
    return { at, up: Object.fromEntries(known.map(({ name, healthy }) => [name, healthy])) };
  }

  private async readUptime(): Promise<Uptime> {
    try {
      return uptimeSchema.parse(JSON.parse(await readFile(this.options.uptimeFile, "utf8")));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") {
        this.options.log("the uptime of the days before cannot be read, and is begun anew");
      }
      return NOTHING_SEEN;
    }
  }

  private async writeUptime(uptime: Uptime): Promise<void> {
    const { uptimeFile } = this.options;
    await writeFile(`${uptimeFile}.new`, `${JSON.stringify(uptime)}\n`, { mode: 0o600 });
    await rename(`${uptimeFile}.new`, uptimeFile);
  }

  private now(): Date {
    return this.options.now?.() ?? new Date();
  }
}
