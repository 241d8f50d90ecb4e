/** Logs as the Docker engine sends them: frames of a header of eight bytes (stream, three zeros, length) and their content. */

export interface Frame {
  readonly stream: "stdout" | "stderr" | "system";
  readonly content: Buffer;
}

const HEADER = 8;
const STREAMS: readonly (Frame["stream"] | undefined)[] = [undefined, "stdout", "stderr", "system"];
/** The engine cuts lines at 16 KiB; more than this is no frame. */
const LONGEST = 1024 * 1024;

/**
 * Takes a stream apart. Of it no more than a frame and what has just come is kept.
 *
 * @throws Error of one line when it is something else, or ends within a frame.
 */
export async function* frames(chunks: AsyncIterable<Buffer>): AsyncGenerator<Frame> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let at = 0;
    while (rest.length - at >= HEADER) {
      const stream = STREAMS[rest.readUInt8(at)];
      const length = rest.readUInt32BE(at + 4);
      if (stream === undefined || rest.readUIntBE(at + 1, 3) !== 0 || length > LONGEST) {
        throw new Error("the engine's answer is not made of the frames of a log");
      }
      if (rest.length - at - HEADER < length) {
        break;
      }
      yield { stream, content: rest.subarray(at + HEADER, at + HEADER + length) };
      at += HEADER + length;
    }
    rest = rest.subarray(at);
  }
  if (rest.length > 0) {
    throw new Error("the engine's answer ends in the middle of a line");
  }
}
