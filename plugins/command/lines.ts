import { StringDecoder } from "node:string_decoder";

/** Longer lines are passed on in pieces, so that a command without line feeds cannot fill the memory. */
const LONGEST_LINE = 64 * 1024;

/** Cuts a stream of bytes into lines and passes on each as soon as it is complete. */
export class LineLog {
  readonly #decoder = new StringDecoder("utf8");
  #rest = "";

  constructor(private readonly emit: (line: string) => void) {}

  write(chunk: Buffer): void {
    this.#rest += this.#decoder.write(chunk);
    for (let at = this.#rest.indexOf("\n"); at >= 0; at = this.#rest.indexOf("\n")) {
      this.emit(this.#rest.slice(0, at).replace(/\r$/, ""));
      this.#rest = this.#rest.slice(at + 1);
    }
    while (this.#rest.length > LONGEST_LINE) {
      this.emit(this.#rest.slice(0, LONGEST_LINE));
      this.#rest = this.#rest.slice(LONGEST_LINE);
    }
  }

  /** Passes on what came after the last line feed. */
  end(): void {
    const rest = this.#rest + this.#decoder.end();
    this.#rest = "";
    if (rest !== "") {
      this.emit(rest);
    }
  }
}
