import assert from "node:assert/strict";
import { afterOtherBackup } from "../../../../cli/deploy/otherBackup";
import { UserError } from "../../../../cli/errors";
import { LockTakenError } from "../../../../ops/lock";

const SINCE = "2026-03-01T07:00:00.000Z";
/** As a command in the container hands on what the lock says. */
const taken = (since?: string) =>
  new UserError(
    new LockTakenError("/records/backup.lock", since === undefined ? undefined : { what: "backup", since })
      .message,
  );

describe("a deployment's backup while another one is under way", () => {
  let seconds: number;
  let notes: string[];
  const waiting = (limitSeconds?: number) => ({
    note: (text: string) => notes.push(text),
    clock: () => seconds,
    pause: async (pause: number) => {
      seconds += pause;
    },
    ...(limitSeconds !== undefined && { limitSeconds }),
  });
  const failing = (failures: readonly Error[]) => {
    const left = [...failures];
    return async (): Promise<string> => {
      const failure = left.shift();
      if (failure !== undefined) throw failure;
      return "made";
    };
  };
  beforeEach(() => {
    seconds = 0;
    notes = [];
  });

  it("is made at once where there is none, and nothing is said", async () => {
    assert.equal(await afterOtherBackup(failing([]), waiting()), "made");
    assert.deepEqual([seconds, notes], [0, []]);
  });

  it("is made after it, and it is said once since when that one runs and how long is waited", async () => {
    const others = [taken(SINCE), taken(SINCE), taken(), taken(SINCE)];
    assert.equal(await afterOtherBackup(failing(others), waiting()), "made");
    assert.equal(seconds, 8);
    assert.deepEqual(notes, [
      `backup: another one is under way since ${SINCE}, waiting for its end, 60 minutes at most`,
    ]);
  });

  it("waits as well where nobody knows since when the other one runs", async () => {
    assert.equal(await afterOtherBackup(failing([taken()]), waiting()), "made");
    assert.deepEqual(notes, ["backup: another one is under way, waiting for its end, 60 minutes at most"]);
  });

  it("is given up after the limit, in one line", async () => {
    const never = async () => {
      throw taken(SINCE);
    };
    await assert.rejects(afterOtherBackup(never, waiting(120)), {
      name: "UserError",
      message: `another backup is under way since ${SINCE} and has not ended within 2 minutes: ./fitnesscrm tasks tells how it stands`,
    });
    assert.equal(seconds, 122);
  });

  it("fails at once for every other reason, also after a wait", async () => {
    const full = new UserError("the disk with /backups ran full while the backup was made: make room");
    await assert.rejects(afterOtherBackup(failing([full]), waiting()), full);
    assert.equal(seconds, 0);
    await assert.rejects(afterOtherBackup(failing([taken(SINCE), full]), waiting()), full);
    assert.equal(seconds, 2);
    const restore = new UserError("a restore is running since 2026: wait for its end");
    await assert.rejects(afterOtherBackup(failing([restore]), waiting()), restore);
  });
});
