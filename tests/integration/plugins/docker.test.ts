/** The docker plugin's volumes, networks, secrets and configs against this machine's engine. */
import assert from "node:assert/strict";
import * as docker from "@pulumi/docker";
import { base64, labels, nothingLeft, PREFIX, run, sweep } from "./dockerSupport";
import { conformance } from "./harness";

const plugins = ["docker" as const];

conformance({
  title: "docker.Volume",
  plugins,
  before: sweep,
  gone: nothingLeft,
  steps: [
    {
      name: "is made with its name, driver and mountpoint as outputs",
      program: async () => {
        const volume = new docker.Volume("v", { name: `${PREFIX}-v`, labels: labels("a", "b") });
        return { mountpoint: volume.mountpoint };
      },
      expect: { v: "create" },
      check: ({ outputs, state }) => {
        const { id, outputs: found } = state("v");
        assert.equal(id, `${PREFIX}-v`);
        assert.equal(found.driver, "local");
        assert.equal(outputs.mountpoint, found.mountpoint);
        assert.equal(run("volume", "inspect", "-f", "{{.Labels.a}}", id), "yes");
      },
    },
    {
      name: "does not care for the order of its labels",
      program: async () => void new docker.Volume("v", { name: `${PREFIX}-v`, labels: labels("b", "a") }),
      expect: { v: "same" },
    },
    {
      name: "is replaced when a label changes, the old one first because it keeps its name",
      program: async () => void new docker.Volume("v", { name: `${PREFIX}-v`, labels: labels("b", "c") }),
      expect: { v: { replace: ["labels"], paths: ["labels[1].label"], deleteFirst: true } },
    },
    {
      name: "is made again when somebody removed it",
      drift: async () => void run("volume", "rm", `${PREFIX}-v`),
      drifted: { v: "delete" },
      expect: { v: "create" },
    },
    {
      name: "gets a name of its own when the program gives none, and keeps it",
      program: async () => void new docker.Volume(`${PREFIX}-auto`, {}),
      expect: { v: "delete", [`${PREFIX}-auto`]: "create" },
      check: ({ state }) =>
        assert.match(state(`${PREFIX}-auto`).id, new RegExp(`^${PREFIX}-auto-[0-9a-f]{7}$`)),
    },
    {
      name: "is replaced under a new name, the new one first, when the name was not the program's",
      program: async () => void new docker.Volume(`${PREFIX}-auto`, { labels: labels("a") }),
      expect: { [`${PREFIX}-auto`]: { replace: ["labels"], paths: ["labels"], deleteFirst: false } },
    },
  ],
});

conformance({
  title: "docker.Network",
  plugins,
  before: sweep,
  gone: nothingLeft,
  steps: [
    {
      name: "is made as an overlay with its scope as an output",
      program: async () =>
        void new docker.Network("n", {
          name: `${PREFIX}-n`,
          driver: "overlay",
          attachable: true,
          labels: labels("a"),
        }),
      expect: { n: "create" },
      check: ({ state }) => {
        const { outputs } = state("n");
        assert.equal(outputs.scope, "swarm");
        assert.equal(outputs.internal, false);
        assert.equal(outputs.ipamDriver, "default");
      },
    },
    {
      name: "is replaced when it becomes internal",
      program: async () =>
        void new docker.Network("n", {
          name: `${PREFIX}-n`,
          driver: "overlay",
          internal: true,
          labels: labels("a"),
        }),
      expect: {
        n: { replace: ["attachable", "internal"], paths: ["attachable", "internal"], deleteFirst: true },
      },
    },
    {
      name: "is made again when somebody removed it",
      drift: async () => void run("network", "rm", `${PREFIX}-n`),
      drifted: { n: "delete" },
      expect: { n: "create" },
    },
  ],
});

conformance({
  title: "docker.Secret and docker.ServiceConfig",
  plugins,
  before: sweep,
  gone: nothingLeft,
  secrets: [
    "a very secret text",
    "another secret text",
    base64("a very secret text"),
    base64("another secret text"),
  ],
  steps: [
    {
      name: "are made, the secret's data a secret in the state",
      program: async () => {
        new docker.Secret(`${PREFIX}-s`, { data: base64("a very secret text"), labels: labels("a") });
        new docker.ServiceConfig(`${PREFIX}-c`, { data: base64("plain") });
        new docker.ServiceConfig(`${PREFIX}-r`, { dataRaw: "raw text" });
      },
      expect: { [`${PREFIX}-s`]: "create", [`${PREFIX}-c`]: "create", [`${PREFIX}-r`]: "create" },
      check: ({ state }) => {
        assert.equal(state(`${PREFIX}-s`).outputs.data, base64("a very secret text"));
        const name = String(state(`${PREFIX}-r`).outputs.name);
        const found = JSON.parse(run("config", "inspect", name)) as { Spec: { Data: string } }[];
        assert.equal(found[0]?.Spec.Data, base64("raw text"));
      },
    },
    {
      name: "are replaced by new ones under new names when their data changes",
      program: async () => {
        new docker.Secret(`${PREFIX}-s`, { data: base64("another secret text"), labels: labels("a") });
        new docker.ServiceConfig(`${PREFIX}-c`, { data: base64("plainer") });
        new docker.ServiceConfig(`${PREFIX}-r`, { dataRaw: "raw text" });
      },
      expect: {
        [`${PREFIX}-s`]: { replace: ["data"], paths: ["data"], deleteFirst: false },
        [`${PREFIX}-c`]: { replace: ["data"], paths: ["data"], deleteFirst: false },
        [`${PREFIX}-r`]: "same",
      },
    },
    {
      name: "are refused when the data is not base64",
      program: async () => {
        new docker.Secret(`${PREFIX}-s`, { data: base64("another secret text"), labels: labels("a") });
        new docker.ServiceConfig(`${PREFIX}-c`, { data: "not base64!" });
        new docker.ServiceConfig(`${PREFIX}-r`, { dataRaw: "raw text" });
      },
      expect: {},
      refused: /data.*is not base64/s,
    },
  ],
});
