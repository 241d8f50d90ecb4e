/** Versions of what no package manager pins for us. Each is got by `toolchain/` and named nowhere else. */
export const TELEGRAF_VERSION = "1.37.2";
