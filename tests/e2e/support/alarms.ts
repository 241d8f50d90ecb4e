import { mustOnStack } from "./launcher";
import { waitFor } from "./wait";

/** Waits until no alarm of the stack is on, but for those named: the machine's own are on while other tests keep it busy. */
export async function untilNoAlarm(except: readonly string[] = []): Promise<void> {
  await waitFor(
    `every alarm to be over${except.length === 0 ? "" : `, but for ${except.join(", ")}`}`,
    async () => {
      const alarms = JSON.parse((await mustOnStack("alarms", "--json")).stdout) as {
        name: string;
        state: string;
      }[];
      return alarms.every(({ name, state }) => state !== "ALARM" || except.includes(name));
    },
    180,
  );
}
