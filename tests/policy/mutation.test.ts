import assert from "node:assert/strict";
import { happyStack } from "./support/happy";
import { type Declared, judge } from "./support/harness";
import { type Mutant, mutantsOf } from "./support/mutants";

/** What may be changed without any policy minding, and why. Paths are of the happy stack in `support/happy.ts`. */
interface Free {
  what: RegExp;
  /** Free in this way only; in every way where not set. */
  how?: readonly Mutant["how"][];
  why: string;
}

const FREE: readonly Free[] = [
  {
    what: /^(Service|Volume|Topic|MetricAlarm|UserPolicy) \S+ (name|displayName)$/,
    why: "names are the stack's",
  },
  { what: /^Bucket \S+ bucketPrefix$/, why: "names are the stack's" },
  { what: /^Role (readonly|backup|monitoring) name$/, why: "names are the stack's" },
  {
    what: /^(Service|Volume) \S+ labels(\/0(\/label|\/value)?)?$/,
    why: "the stack's label is for people and scripts",
  },
  { what: /^\w+ \S+ bucket$/, why: "the reference says whose it is; the value is unknown in a preview" },
  {
    what: /^TopicSubscription \S+ topic$/,
    why: "the reference says whose it is; the value is unknown in a preview",
  },
  {
    what: /^MetricAlarm \S+ alarmActions\/0$/,
    why: "the reference says whom it tells; the value is unknown in a preview",
  },
  { what: /containerSpec\/args\/[02468]$/, why: "-c, of which the server takes several forms" },
  {
    what: /containerSpec\/args\/[13]$/,
    why: "PostgreSQL's own connection settings do as well, as long as the limits fit",
  },
  { what: /containerSpec\/env(\/\w+)?$/, why: "the application's settings; only secrets are judged" },
  {
    what: /^Service agent taskSpec\/containerSpec\/mounts/,
    why: "what the agent sees of the host, short of the engine's socket",
  },
  {
    what: /containerSpec\/mounts\/0\/target$/,
    why: "where an image expects its volume is the image's business",
  },
  {
    what: /containerSpec\/mounts\/0\/readOnly$/,
    how: ["removed"],
    why: "writable is the default; read-only is refused where data is written",
  },
  { what: /healthcheck\/tests\/1$/, why: "what healthy means is the service's business" },
  {
    what: /healthcheck\/(interval|timeout|retries)$/,
    how: ["removed"],
    why: "not set means the engine's own, which is soon enough",
  },
  { what: /healthcheck\/startPeriod$/, why: "how long a service may take to start is its own business" },
  { what: /containerSpec\/capAdds(\/\d)?$/, how: ["removed"], why: "fewer capabilities are stricter" },
  {
    what: /resources\/limits\/(memoryBytes|nanoCpus)$/,
    why: "sized to the host; that there is a limit is what counts",
  },
  {
    what: /restartPolicy\/(delay|window)$/,
    why: "how soon to try again; that it is tried for ever is what counts",
  },
  { what: /restartPolicy\/maxAttempts$/, how: ["removed"], why: "not set means without limit" },
  { what: /^Service (backend|frontend|nginx|agent) mode/, why: "how many run is a matter of load" },
  {
    what: /^Service (backend|frontend|nginx|agent) (updateConfig|rollbackConfig)\/order$/,
    why: "order matters where two must not run at once",
  },
  {
    what: /^Service \S+ rollbackConfig$/,
    how: ["removed"],
    why: "stop-first is the default",
  },
  {
    what: /^Service \S+ rollbackConfig\/failureAction$/,
    why: "after a failed rollback the engine can only stop or go on",
  },
  {
    what: /^Service (db|redis|ops|restore) rollbackConfig\/order$/,
    how: ["removed"],
    why: "stop-first is the default",
  },
  {
    what: /^Service \S+ endpointSpec(\/mode)?$/,
    why: "how names resolve; a stack without it does not start",
  },
  { what: /^Service nginx endpointSpec\/ports/, why: "where the edge listens is the stack's business" },
  { what: /^Role (readonly|backup|monitoring)$/, why: "a role less is no danger" },
  { what: /^Role (readonly|backup|monitoring) login$/, why: "a role that cannot log in is no danger" },
  { what: /^Role \S+ (superuser|createRole|createDatabase)$/, how: ["removed"], why: "not set means no" },
  { what: /^Role \S+ roles(\/0)?$/, why: "membership in ordinary roles" },
  { what: /^Bucket \S+ forceDestroy$/, how: ["removed"], why: "not set means no" },
  {
    what: /^BucketLifecycleConfiguration \S+ rules\/0\/id$/,
    why: "rules are called as one likes",
  },
  {
    what: /^BucketLifecycleConfiguration \S+ rules\/0\/filter(\/prefix)?$/,
    how: ["removed"],
    why: "no filter covers everything, as an empty prefix does",
  },
  { what: /^UserPolicy \S+$/, why: "a credential less is no danger" },
  { what: /^UserPolicy \S+ user$/, why: "whoever has it, the policy allows no deletion" },
  {
    what: /^TopicSubscription \S+ (protocol|endpoint)$/,
    why: "who is told, and how, is the rota's business",
  },
  { what: /^MetricAlarm \S+ alarmDescription$/, why: "text for people" },
  {
    what: /^MetricAlarm \S+ dimensions(\/stack)?$/,
    why: "what the agent tells apart by them is the agent's business",
  },
  {
    what: /^MetricAlarm \S+ (namespace|metricName)$/,
    how: ["other"],
    why: "what the agent calls its metrics is the agent's business",
  },
  {
    what: /^MetricAlarm \S+ datapointsToAlarm$/,
    how: ["removed"],
    why: "not set means all, and fewer is stricter",
  },
  { what: /^MetricAlarm \S+ actionsEnabled$/, how: ["removed"], why: "not set means yes" },
];

function excuses({ what, how }: Free, mutant: Mutant): boolean {
  return what.test(mutant.what) && (how?.includes(mutant.how) ?? true);
}

/** A number is weakened in one of two directions; which one is the number's own affair. */
function isOtherDirection({ what, how }: Mutant, refused: ReadonlySet<string>): boolean {
  return (how === "more" && refused.has(`${what} less`)) || (how === "less" && refused.has(`${what} more`));
}

describe("mutants of a stack at exactly the manual's numbers", () => {
  const stack = happyStack();
  const refused = new Set<string>();
  const survivors: Mutant[] = [];

  before(() => {
    for (const mutant of mutantsOf(stack)) {
      const focus: Declared | undefined = mutant.changed;
      if (judge(mutant.stack, focus === undefined ? {} : { focus }).length > 0) {
        refused.add(`${mutant.what} ${mutant.how}`);
      } else {
        survivors.push(mutant);
      }
    }
  });

  it("the stack itself is refused by no policy", () => {
    assert.deepEqual(judge(stack), []);
  });

  it("every mutant is refused, or its property is free for a written reason", () => {
    const unexplained = survivors
      .filter((mutant) => !isOtherDirection(mutant, refused))
      .filter((mutant) => !FREE.some((free) => excuses(free, mutant)))
      .map(({ what, how }) => `${what}: ${how}`);
    console.log(`      ${refused.size + survivors.length} mutants, ${refused.size} refused`);
    assert.deepEqual(unexplained, []);
  });

  it("every reason in the table still excuses something", () => {
    const idle = FREE.filter((free) => !survivors.some((survivor) => excuses(free, survivor)));
    assert.deepEqual(idle, []);
  });
});
