import assert from "node:assert/strict";
import { ROLE_CONNECTIONS } from "../../../../config";
import { JOBS } from "../../../../ops/backup/dump";

describe("the connections of the backup role", () => {
  it("suffice for a dump while failed logins are counted and a report is made", () => {
    const [snapshot, pgDump, failedLogins, report] = [1, 1 + JOBS, 1, 1];
    assert.ok(ROLE_CONNECTIONS.backup >= snapshot + pgDump + failedLogins + report);
  });
});
