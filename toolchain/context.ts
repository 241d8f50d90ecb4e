import type { Home } from "./home";
import type { Host } from "./host";

/** What every tool works with. */
export interface Context {
  readonly host: Host;
  readonly home: Home;
  /** Root of the checkout: where `package.json`, `plugins/`, `images/` and `toolchain/go/` stand. */
  readonly project: string;
}
