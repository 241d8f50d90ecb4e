/** `docker.Service`: a Swarm service, updated in place. */
import { setTimeout as sleep } from "node:timers/promises";
import {
  type Context,
  type Live,
  PartialFailure,
  type Props,
  type ResourceHandler,
  UNKNOWN,
} from "../../lib/types";
import type { DockerConfig } from "../config";
import { parseDuration } from "../durations";
import { type Auth, type Engine, filters } from "../engine";
import { isOutOfSequence, RELEASE_LIMIT_MS, retryWhile } from "../errors";
import { isReleased, project, withDefaults } from "../project";
import { isStartRace, START_TRIES } from "../startRace";
import { converge, NotConverged, type Wait } from "./converge";
import { fromWire, type State } from "./fromWire";
import { checkService, shape } from "./shape";
import { type Inputs, toUpdate, toWire } from "./toWire";
import type { WireService } from "./wire";

/** How long an engine takes to stop a container when the service does not say, nanoseconds. */
const STOP_GRACE_NS = 10e9;
const DEFAULT_TIMEOUT = "3m";

export const service: ResourceHandler<DockerConfig, Inputs, State> = {
  token: "docker:index/service:Service",
  autoName: "name",
  replaceOn: ["name", "auth", "mode.global", "taskSpec.containerSpec.hosts"],
  sets: Object.keys(shape.sets),
  secretOutputs: ["auth.password"],
  ignoreDiff: (path, _old, value) => isReleased(shape, path, value),

  comparable(olds, news) {
    // Without a mode the engine runs one replica: setting one later is no other kind of service.
    const mode = olds.mode ?? { global: false, replicated: { replicas: 1 } };
    return [
      { ...olds, mode },
      { ...news, mode: news.mode ?? mode },
    ];
  },

  check(news) {
    const inputs = withDefaults(news, shape);
    return { inputs, failures: checkService(inputs) };
  },

  preview: (inputs, old) => ({
    ...(old ?? { endpointSpec: UNKNOWN, labels: UNKNOWN, mode: UNKNOWN }),
    ...inputs,
  }),

  async create(config, inputs, context) {
    const engine = await config.engine();
    const since = await clockOf(engine);
    const { ID } = await engine.post<{ ID: string }>("/services/create", toWire(inputs), authOf(inputs));
    const wait = waitOf(inputs, since, context);
    try {
      if (wait) await converge(engine, ID, wait);
    } catch (error) {
      // As upstream does: a service that never ran is no use, and would stand in the way of the next attempt.
      await remove(engine, ID, graceOf(inputs));
      throw error;
    }
    return live(await engine.get<WireService>(`/services/${ID}`), inputs);
  },

  async read(config, id, _state, oldInputs) {
    const engine = await config.engine();
    const found = await engine.find<WireService>(`/services/${encodeURIComponent(id)}`);
    return found && live(found, oldInputs);
  },

  async update(config, id, _old, news, oldInputs, context) {
    const engine = await config.engine();
    try {
      await roll(engine, id, news, context);
    } catch (error) {
      // Rolled back, the service is what the state says already.
      if (!(error instanceof NotConverged) || error.outcome === "rolledBack") throw error;
      const found = await engine.get<WireService>(`/services/${id}`);
      const { state, inputs } = live(found, { ...news, auth: oldInputs.auth });
      throw new PartialFailure(id, state, inputs ?? {}, [error.message]);
    }
    return live(await engine.get<WireService>(`/services/${id}`), news).state;
  },

  async delete(config, id, state) {
    await remove(await config.engine(), id, graceOf(state));
  },
};

/** Updates the service and waits for it, again where the engine gave up for its own start race. */
async function roll(engine: Engine, id: string, news: Inputs, context: Context): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    const since = await clockOf(engine);
    await retryWhile(isOutOfSequence, RELEASE_LIMIT_MS, context.signal, async () => {
      const { Version, Spec } = await engine.get<WireService>(`/services/${id}`);
      await engine.post(`/services/${id}/update`, toUpdate(news, Spec), {
        ...authOf(news),
        query: { version: Version.Index },
      });
    });
    const wait = waitOf(news, since, context);
    if (!wait) return;
    try {
      await converge(engine, id, wait);
      return;
    } catch (error) {
      const isRace = error instanceof NotConverged && error.outcome !== "late" && isStartRace(error.message);
      if (!isRace || tries === START_TRIES) throw error;
      context.log("warning", `${error.message}: the engine's fault, trying again`);
    }
  }
}

function live(found: WireService, old: Inputs | undefined): Live<State> {
  const told = fromWire(found);
  const inputs = project(told as unknown as Props, old as unknown as Props | undefined, shape);
  const image = old?.taskSpec.containerSpec.image;
  const current = told.taskSpec.containerSpec.image;
  // A client that resolves the tag adds the digest; the image is the same.
  if (image !== undefined && current.startsWith(`${image}@`)) {
    (inputs.taskSpec as { containerSpec: Props }).containerSpec.image = image;
  }
  const state = { ...told, auth: old?.auth, convergeConfig: old?.convergeConfig } as State;
  return { id: found.ID, state, inputs };
}

/** The engine's time: tasks are dated by its clock, which may differ from ours on a remote host. */
async function clockOf(engine: Engine): Promise<number> {
  const { SystemTime } = await engine.get<{ SystemTime: string }>("/info");
  return Date.parse(SystemTime);
}

function waitOf(inputs: Inputs, since: number, context: Context): Wait | undefined {
  if (inputs.convergeConfig === undefined) return undefined;
  const timeout = inputs.convergeConfig.timeout ?? DEFAULT_TIMEOUT;
  const limitMs = (parseDuration(timeout) ?? 0) / 1e6;
  return { timeoutMs: limitMs, timeout, signal: context.signal, since };
}

function authOf({ auth }: Inputs): { auth?: Auth } {
  if (auth === undefined) return {};
  return { auth: { serveraddress: auth.serverAddress, username: auth.username, password: auth.password } };
}

const graceOf = (service: Pick<Inputs, "taskSpec"> | Pick<State, "taskSpec">): number =>
  parseDuration(service.taskSpec?.containerSpec?.stopGracePeriod) ?? STOP_GRACE_NS;

/**
 * Removes the service and waits until its containers on this node are gone, so that its volumes and networks can go
 * next; what outlives its grace period is removed by force.
 */
async function remove(engine: Engine, id: string, graceNs: number): Promise<void> {
  await engine.remove(`/services/${id}`);
  const mine = { all: "true", ...filters({ label: [`com.docker.swarm.service.id=${id}`] }) };
  const deadline = Date.now() + graceNs / 1e6 + RELEASE_LIMIT_MS;
  for (;;) {
    const left = await engine.get<{ Id: string }[]>("/containers/json", mine);
    if (left.length === 0) return;
    if (Date.now() >= deadline) {
      for (const { Id } of left) await engine.remove(`/containers/${Id}`, { force: "true", v: "true" });
      return;
    }
    await sleep(250);
  }
}
