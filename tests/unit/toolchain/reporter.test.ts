import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { createReporter } from "../../../cli/reporter";

function recorder(isTTY: boolean, interval?: number) {
  let written = "";
  let clock = 0;
  const stream = {
    isTTY,
    columns: 60,
    write: (text: string) => {
      written += text;
      return true;
    },
  };
  const reporter = createReporter({
    stream: stream as unknown as NodeJS.WriteStream,
    now: () => clock,
    interval,
  });
  return {
    reporter,
    text: () => written,
    pass: (milliseconds: number) => {
      clock += milliseconds;
    },
  };
}

/** Waits for a condition that a timer of the reporter brings about. */
async function until(condition: () => boolean): Promise<void> {
  for (const deadline = Date.now() + 5000; !condition(); await sleep(5)) {
    if (Date.now() > deadline) throw new Error("it never happened");
  }
}

describe("reporter", () => {
  it("writes a line at the start, one at the end with the time, where nothing can be redrawn", () => {
    const { reporter, text, pass } = recorder(false);
    const step = reporter.step("Base image");
    step.detail("unpacking");
    pass(3400);
    step.done("debootstrap");
    const failed = reporter.step("Go");
    pass(12_000);
    failed.fail("no network");
    assert.equal(
      text(),
      "… Base image\n✓ Base image in 3.4 s: debootstrap\n… Go\n✗ Go after 12 s: no network\n",
    );
  });

  it("writes a line with time and detail about a step that still runs, once an interval", async () => {
    const { reporter, text, pass } = recorder(false, 20);
    const step = reporter.step("Pulumi CLI");
    step.detail("812 packages compiled");
    pass(20);
    await until(() => text().split("\n").length > 2);
    await sleep(60);
    assert.equal(text(), "… Pulumi CLI\n… Pulumi CLI: 0.0 s, 812 packages compiled\n");
    pass(20_000);
    await until(() => text().split("\n").length > 3);
    step.done();
    assert.ok(text().endsWith("… Pulumi CLI: 20 s, 812 packages compiled\n✓ Pulumi CLI in 20 s\n"));
  });

  it("draws one line on a terminal, cut to its width, and leaves the finished steps above it", () => {
    const { reporter, text, pass } = recorder(true);
    const first = reporter.step("Pulumi CLI");
    const second = reporter.step("Base image");
    pass(2000);
    first.detail("x".repeat(100));
    second.done();
    const drawn = text().split("\r\u001b[K");
    assert.equal(drawn.at(-2), "✓ Base image in 2.0 s\n");
    assert.equal(drawn.at(-1), `… Pulumi CLI 2.0 s: ${"x".repeat(100)}`.slice(0, 59));
    first.done();
    assert.ok(text().endsWith("\r\u001b[K✓ Pulumi CLI in 2.0 s\n"));
  });

  it("does not let a step end twice", () => {
    const { reporter } = recorder(false);
    const step = reporter.step("A");
    step.done();
    assert.throws(() => step.fail("late"), { message: "the step A has ended already" });
  });
});
