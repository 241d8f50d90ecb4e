/** One thing about a server, and how it is brought about. Scripts are bodies for `wholeScript`, run as root. */
export interface HostStep {
  /** E.g. `firewall`. */
  readonly name: string;
  /**
   * Looks and changes nothing: a `need` line for everything that differs, a `have` line for how it stands. It works on a
   * bare server, where what an earlier step brings is missing still.
   */
  readonly check: string;
  /** Brings about what `check` needs, a `did` line for each; absent where the step only looks. */
  readonly apply?: string;
  /** Where a mistake in `apply` would shut everybody out. */
  readonly confirm?: {
    /** Run over a new connection after `apply`: makes it last. */
    readonly script: string;
    /** Run over the old connection when there is no new one. The server does the same by itself. */
    readonly revert: string;
    /** Seconds after which the server takes `apply` back when nobody confirmed. */
    readonly seconds: number;
  };
}
