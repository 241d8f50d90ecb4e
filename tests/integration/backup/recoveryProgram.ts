/** Runs `loadToTime` inside a container: the request as JSON on stdin, the result as JSON on stdout. */
import { readFileSync } from "node:fs";
import { loadToTime, type PointInTime } from "../../../ops/restore/pointInTime";

const request = JSON.parse(readFileSync(0, "utf8")) as PointInTime;
loadToTime(
  { database: { host: "db", port: 5432, name: "fitnesscrm" }, wal: { stanza: "main", prefix: "wal/" } },
  request,
  { signal: new AbortController().signal, log: (line) => process.stderr.write(`${line}\n`) },
).then(
  (result) => process.stdout.write(JSON.stringify(result)),
  (error: Error) => {
    process.stderr.write(`ops: ${error.message}\n`);
    process.exit(1);
  },
);
