import assert from "node:assert/strict";
import * as pb from "@pulumi/pulumi/proto/provider_pb";
import { Status } from "@pulumi/pulumi/proto/status_pb";
import { rpcError } from "../../../../plugins/lib/errors";
import { Failed, Provider } from "../../../../plugins/lib/provider";
import {
  PartialFailure,
  type Plugin,
  type Props,
  type ResourceHandler,
  UNKNOWN,
} from "../../../../plugins/lib/types";
import { fromStruct, toStruct } from "../../../../plugins/lib/values";

const URN = "urn:pulumi:stack::project::parent:type$test:index/thing:Thing::mine";
const PASSWORD = "correct horse";

interface Seen {
  readonly calls: [string, ...unknown[]][];
}

/** A plugin whose one resource lives in memory; `seen` records what its handler was given. */
function plugin(overrides: Partial<ResourceHandler<Props>> = {}): { plugin: Plugin<Props>; seen: Seen } {
  const seen: Seen = { calls: [] };
  const thing: ResourceHandler<Props> = {
    token: "test:index/thing:Thing",
    autoName: "name",
    replaceOn: ["name"],
    sets: ["tags"],
    secretOutputs: ["token"],
    preview: (inputs) => ({ ...inputs, token: UNKNOWN }),
    async create(_config, inputs, context) {
      seen.calls.push(["create", inputs, context.timeoutSeconds]);
      return { id: "id-1", state: { ...inputs, token: "t-o-k-e-n" } };
    },
    async read(_config, id, state, oldInputs) {
      seen.calls.push(["read", id, state, oldInputs]);
      return id === "gone"
        ? undefined
        : { id, state: { ...state, token: "t-o-k-e-n" }, inputs: { name: "live" } };
    },
    async update(_config, id, old, news, oldInputs) {
      seen.calls.push(["update", id, old, news, oldInputs]);
      return { ...news, token: "t-o-k-e-n" };
    },
    async delete(_config, id, state) {
      seen.calls.push(["delete", id, state]);
    },
    ...overrides,
  };
  const made: Plugin<Props> = {
    name: "test",
    version: "1.0.0",
    secretConfig: ["password"],
    jsonConfig: ["options"],
    checkConfig: (news) => (news.bad ? [{ property: "bad", reason: "is bad" }] : []),
    configure: async (config) => {
      seen.calls.push(["configure", config]);
      return config;
    },
    resources: [thing],
    functions: { "test:index:echo": async (_config, args) => args },
  };
  return { plugin: made, seen };
}

const PASSWORD_PATH = [["password"]];
const signature = "4dabf18193072939515e22adb298388d";

async function configured(overrides: Partial<ResourceHandler<Props>> = {}) {
  const { plugin: made, seen } = plugin(overrides);
  const provider = new Provider(made, () => undefined);
  await provider.configure(new pb.ConfigureRequest().setArgs(toStruct({ region: "x" })));
  seen.calls.length = 0;
  return { provider, seen };
}

describe("a provider's configuration", () => {
  it("reaches the plugin with nested values parsed, texts as they are, and without the engine's own keys", async () => {
    const { plugin: made, seen } = plugin();
    const provider = new Provider(made, () => undefined);
    const args = {
      port: "5432",
      options: '["-a",{"b":1}]',
      password: "123",
      version: "1.0.0",
      __internal: {},
    };
    const response = await provider.configure(
      new pb.ConfigureRequest().setArgs(toStruct(args, PASSWORD_PATH)),
    );
    assert.deepEqual(seen.calls, [
      ["configure", { port: "5432", options: ["-a", { b: 1 }], password: "123" }],
    ]);
    assert.ok(response.getAcceptsecrets() && response.getAcceptoutputs() && response.getSupportspreview());
    assert.ok(provider.secrets.has("123"));
  });

  it("is checked, and its secrets are marked as such", () => {
    const provider = new Provider(plugin().plugin, () => undefined);
    const response = provider.checkConfig(
      new pb.CheckRequest().setNews(toStruct({ bad: "1", password: "p" })),
    );
    assert.deepEqual(
      response.getFailuresList().map((failure) => failure.toObject()),
      [{ property: "bad", reason: "is bad" }],
    );
    assert.deepEqual(fromStruct(response.getInputs()).secrets, PASSWORD_PATH);
  });

  it("replaces nothing when it changes", () => {
    const provider = new Provider(plugin().plugin, () => undefined);
    const request = new pb.DiffRequest()
      .setOldInputs(toStruct({ region: "a" }))
      .setNews(toStruct({ region: "b" }));
    const response = provider.diffConfig(request);
    assert.equal(response.getChanges(), pb.DiffResponse.DiffChanges.DIFF_SOME);
    assert.deepEqual(response.getReplacesList(), []);
  });
});

describe("the check of a resource", () => {
  const check = async (news: Props, olds: Props = {}, seed = "seed") => {
    const { provider } = await configured();
    const request = new pb.CheckRequest()
      .setUrn(URN)
      .setNews(toStruct(news, PASSWORD_PATH))
      .setOlds(toStruct(olds));
    return fromStruct(provider.check(request.setRandomseed(Buffer.from(seed))).getInputs());
  };

  it("makes up a name that follows from the engine's seed", async () => {
    const first = await check({});
    assert.match(String(first.value.name), /^mine-[0-9a-f]{7}$/);
    assert.deepEqual(first.value.__defaults, ["name"]);
    assert.equal((await check({})).value.name, first.value.name);
    assert.notEqual((await check({}, {}, "other")).value.name, first.value.name);
  });

  it("keeps a made-up name, and makes up another when the program's own was taken away", async () => {
    assert.equal(
      (await check({}, { name: "mine-1234567", __defaults: ["name"] })).value.name,
      "mine-1234567",
    );
    assert.notEqual((await check({}, { name: "own", __defaults: [] })).value.name, "own");
  });

  it("keeps secrets secret, and what the handler calls one", async () => {
    const { secrets } = await check({ name: "n", password: PASSWORD, token: "t" });
    assert.deepEqual([...secrets].map((path) => path.join(".")).sort(), ["password", "token"]);
  });
});

describe("the difference of a resource", () => {
  it("tells paths, kinds and what replaces", async () => {
    const { provider } = await configured();
    const response = provider.diff(
      new pb.DiffRequest()
        .setUrn(URN)
        .setOldInputs(toStruct({ name: "a", size: 1, __defaults: [] }))
        .setNews(toStruct({ name: "b", size: 2, __defaults: [] })),
    );
    const kinds = response.getDetaileddiffMap();
    assert.equal(kinds.get("name")?.getKind(), pb.PropertyDiff.Kind.UPDATE_REPLACE);
    assert.equal(kinds.get("size")?.getKind(), pb.PropertyDiff.Kind.UPDATE);
    assert.deepEqual(response.getReplacesList(), ["name"]);
    assert.equal(response.getHasdetaileddiff(), true);
    assert.equal(response.getDeletebeforereplace(), false);
  });

  it("replaces where the handler cannot update, the old object first when it keeps its name", async () => {
    const { provider } = await configured({ update: undefined });
    const response = provider.diff(
      new pb.DiffRequest()
        .setUrn(URN)
        .setOldInputs(toStruct({ name: "a", size: 1, __defaults: [] }))
        .setNews(toStruct({ name: "a", size: 2, __defaults: [] })),
    );
    assert.deepEqual(response.getReplacesList(), ["size"]);
    assert.equal(response.getDeletebeforereplace(), true);
  });
});

describe("the life of a resource", () => {
  const inputs = { name: "n", password: PASSWORD, tags: ["a"], __defaults: ["name"] };
  const properties = () => toStruct(inputs, [["password"], ["tags", 0]]);

  it("starts with plain inputs, and its state has the secrets wrapped again", async () => {
    const { provider, seen } = await configured();
    const response = await provider.create(
      new pb.CreateRequest().setUrn(URN).setProperties(properties()).setTimeout(9),
    );
    assert.deepEqual(seen.calls, [["create", { name: "n", password: PASSWORD, tags: ["a"] }, 9]]);
    const { value, secrets } = fromStruct(response.getProperties());
    assert.equal(response.getId(), "id-1");
    assert.equal(value.token, "t-o-k-e-n");
    assert.deepEqual(secrets.map((path) => path.join(".")).sort(), ["password", "tags", "token"]);
  });

  it("is foretold in a preview without touching anything", async () => {
    const { provider, seen } = await configured();
    const request = new pb.CreateRequest().setUrn(URN).setProperties(properties()).setPreview(true);
    const { value } = fromStruct((await provider.create(request)).getProperties());
    assert.equal(value.token, UNKNOWN);
    const update = new pb.UpdateRequest()
      .setUrn(URN)
      .setNews(properties())
      .setOlds(properties())
      .setPreview(true);
    assert.equal(fromStruct((await provider.update(update)).getProperties()).value.token, UNKNOWN);
    assert.deepEqual(seen.calls, []);
  });

  it("is read with its old state and inputs, keeping the mark of a made-up name", async () => {
    const { provider, seen } = await configured();
    const request = new pb.ReadRequest()
      .setUrn(URN)
      .setId("i")
      .setProperties(properties())
      .setInputs(properties());
    const response = await provider.read(request);
    const plain = { name: "n", password: PASSWORD, tags: ["a"] };
    assert.deepEqual(seen.calls, [["read", "i", plain, plain]]);
    assert.deepEqual(fromStruct(response.getInputs()).value, { name: "live", __defaults: ["name"] });
  });

  it("is imported without a state, and is gone when nothing is found", async () => {
    const { provider, seen } = await configured();
    await provider.read(new pb.ReadRequest().setUrn(URN).setId("i"));
    assert.deepEqual(seen.calls, [["read", "i", undefined, undefined]]);
    const gone = await provider.read(new pb.ReadRequest().setUrn(URN).setId("gone"));
    assert.equal(gone.getId(), "");
  });

  it("is updated with its old state, its new and its old inputs, and deleted with its state", async () => {
    const { provider, seen } = await configured();
    const request = new pb.UpdateRequest().setUrn(URN).setId("i").setNews(properties());
    await provider.update(
      request.setOlds(toStruct({ name: "n", size: 1 })).setOldInputs(toStruct({ name: "n" })),
    );
    await provider.delete(new pb.DeleteRequest().setUrn(URN).setId("i").setProperties(properties()));
    const plain = { name: "n", password: PASSWORD, tags: ["a"] };
    assert.deepEqual(seen.calls, [
      ["update", "i", { name: "n", size: 1 }, plain, { name: "n" }],
      ["delete", "i", plain],
    ]);
  });
});

describe("what goes wrong", () => {
  const create = (error: unknown) =>
    configured({ create: () => Promise.reject(error) }).then(async ({ provider }) => {
      const props = toStruct({ name: "n", password: PASSWORD, __defaults: ["name"] }, PASSWORD_PATH);
      const failure = await provider.create(new pb.CreateRequest().setUrn(URN).setProperties(props)).then(
        () => assert.fail("the creation went through"),
        (reason: unknown) => reason,
      );
      const failed = failure instanceof Failed ? failure : new Failed(failure, []);
      return rpcError(failed.reason, [...provider.secrets], failed.wrap);
    });

  it("is told in one line, without a stack trace and without a secret", async () => {
    const told = await create(new Error(`no login with ${PASSWORD} for n`));
    assert.equal(told.details, "no login with [secret] for n");
    assert.equal(told.metadata, undefined);
  });

  it("halfway leaves the object recorded, its secrets wrapped and its made-up name marked", async () => {
    const inputs = { name: "n", password: PASSWORD };
    const told = await create(new PartialFailure("id-2", { ...inputs, ready: false }, inputs, ["not ready"]));
    const [details] = told.metadata?.get("grpc-status-details-bin") ?? [];
    assert.ok(details instanceof Buffer);
    const [any] = Status.deserializeBinary(details).getDetailsList();
    assert.equal(any?.getTypeName(), "pulumirpc.ErrorResourceInitFailed");
    const detail = pb.ErrorResourceInitFailed.deserializeBinary(any?.getValue_asU8() ?? new Uint8Array());
    assert.equal(detail.getId(), "id-2");
    assert.deepEqual(detail.getReasonsList(), ["not ready"]);
    const state = fromStruct(detail.getProperties());
    assert.equal(state.value.ready, false);
    assert.ok(state.secrets.some((path) => path.join(".") === "password"));
    assert.deepEqual(fromStruct(detail.getInputs()).value.__defaults, ["name"]);
    assert.ok(!JSON.stringify(detail.getProperties()?.toJavaScript()).includes(`"password":"${PASSWORD}"`));
    assert.ok(JSON.stringify(detail.getProperties()?.toJavaScript()).includes(signature));
  });

  it("with a type that is not served names the ones that are", async () => {
    const { provider } = await configured();
    const request = new pb.CheckRequest()
      .setUrn("urn:pulumi:s::p::test:index/other:Other::x")
      .setNews(toStruct({}));
    assert.throws(
      () => provider.check(request),
      /test:index\/other:Other.* only knows test:index\/thing:Thing/,
    );
  });

  it("in an invoke names the function that is not there", async () => {
    const { provider } = await configured();
    const echo = new pb.InvokeRequest().setTok("test:index:echo").setArgs(toStruct({ a: 1 }));
    assert.deepEqual(fromStruct((await provider.invoke(echo)).getReturn()).value, { a: 1 });
    const other = new pb.InvokeRequest().setTok("test:index:no").setArgs(toStruct({}));
    await assert.rejects(provider.invoke(other), /does not know the function test:index:no/);
  });
});
