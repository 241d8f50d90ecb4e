import assert from "node:assert/strict";
import { isReleased, project, type Shape, withDefaults } from "../../../../plugins/docker/project";
import { UNKNOWN } from "../../../../plugins/lib/types";

const shape: Shape = {
  sets: { labels: ["label"], "list[*].aliases": [] },
  computed: ["driver", "list[*].port"],
  durations: ["delay"],
  defaults: { "update.order": "stop-first", "list[*].protocol": "tcp" },
  unreadable: ["auth"],
};

describe("the inputs of a live object", () => {
  it("are the old inputs where the object is what they say", () => {
    const old = {
      labels: [
        { label: "b", value: "2" },
        { label: "a", value: "1" },
      ],
      delay: "60s",
      readOnly: false,
      auth: { password: "p" },
      list: [{ aliases: ["y", "x"], protocol: "tcp" }],
    };
    const live = {
      labels: [
        { label: "a", value: "1" },
        { label: "b", value: "2" },
      ],
      delay: "1m",
      driver: "local",
      list: [{ aliases: ["x", "y"], protocol: "tcp", port: 7 }],
    };
    assert.deepEqual(project(live, old, shape), old);
  });

  it("show what changed, what came and what went", () => {
    const old = { labels: [{ label: "a", value: "1" }], delay: "1s", env: { A: "1", B: "2" }, user: "u" };
    const live = { labels: [{ label: "c", value: "3" }], delay: "2s", env: { A: "1", X: "9" }, extra: "e" };
    assert.deepEqual(project(live, old, shape), {
      labels: [{ label: "c", value: "3" }],
      delay: "2s",
      env: { A: "1", X: "9" },
      extra: "e",
    });
  });

  it("leave out what the engine filled in, unless the old inputs set it", () => {
    assert.deepEqual(project({ driver: "local" }, {}, shape), {});
    assert.deepEqual(project({ driver: "other" }, { driver: "local" }, shape), { driver: "other" });
  });

  it("are all but the defaults on import", () => {
    const live = {
      driver: "local",
      update: { order: "stop-first", parallelism: 2 },
      labels: [],
      readOnly: false,
    };
    assert.deepEqual(project(live, undefined, shape), { driver: "local", update: { parallelism: 2 } });
  });
});

describe("defaults", () => {
  it("are filled in where their surroundings are there, and nowhere else", () => {
    const inputs = { list: [{ port: 1 }, { protocol: "udp" }], update: {} };
    assert.deepEqual(withDefaults(inputs, shape), {
      list: [{ port: 1, protocol: "tcp" }, { protocol: "udp" }],
      update: { order: "stop-first" },
    });
    assert.deepEqual(withDefaults({}, shape), {});
  });

  it("leave unknown values and the given inputs alone", () => {
    const inputs = { list: UNKNOWN, update: { order: UNKNOWN } };
    assert.deepEqual(withDefaults(inputs, shape), inputs);
    const given = { update: {} };
    withDefaults(given, shape);
    assert.deepEqual(given, { update: {} });
  });
});

describe("a property that is not set any more", () => {
  it("is no difference when the engine fills it in by itself", () => {
    assert.equal(isReleased(shape, "driver", undefined), true);
    assert.equal(isReleased(shape, "list[3].port", undefined), true);
    assert.equal(isReleased(shape, "driver", "x"), false);
    assert.equal(isReleased(shape, "delay", undefined), false);
  });
});
