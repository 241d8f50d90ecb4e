import type { WindowSettings } from "../../ops/window/settings";

/** What ops is told of windows where a test is about something else. */
export const WINDOW_SETTINGS: WindowSettings = {
  timeZone: "America/New_York",
  publicUrl: "http://localhost",
  endpoints: ["/api/health"],
  archive: [],
  noticeMail: true,
  mutes: null,
};
