/** `docker.ServiceConfig`: a Swarm config, immutable, every change replaces. */
import type * as docker from "@pulumi/docker";
import { type Live, type Props, type ResourceHandler, UNKNOWN } from "../lib/types";
import { checkBase64 } from "./base64";
import type { DockerConfig } from "./config";
import { isInUse, RELEASE_LIMIT_MS, retryWhile } from "./errors";
import { fromMap, toMap } from "./labels";
import { project, type Shape } from "./project";
import type { Resolved, StateOf } from "./resolved";

type Inputs = Resolved<docker.ServiceConfigArgs>;
type State = StateOf<docker.ServiceConfig>;

interface Found {
  readonly ID: string;
  readonly Spec: {
    readonly Name: string;
    readonly Labels: Record<string, string> | null;
    /** base64 */
    readonly Data: string;
  };
}

const shape: Shape = {
  sets: { labels: ["label"] },
  computed: ["data"],
  durations: [],
  defaults: {},
  unreadable: [],
};

export const serviceConfig: ResourceHandler<DockerConfig, Inputs, State> = {
  token: "docker:index/serviceConfig:ServiceConfig",
  autoName: "name",
  replaceOn: ["name", "data", "dataRaw", "labels"],
  sets: Object.keys(shape.sets),

  check(news) {
    const both = news.data !== undefined && news.dataRaw !== undefined;
    const neither = news.data === undefined && news.dataRaw === undefined;
    const failures = checkBase64(news, "data");
    if (both || neither) failures.push({ property: "data", reason: "give exactly one of data and dataRaw" });
    return { inputs: news, failures };
  },

  preview: (inputs) => ({ data: inputs.dataRaw === undefined ? undefined : UNKNOWN, ...inputs }),

  async create(config, inputs) {
    const engine = await config.engine();
    const data = inputs.data ?? Buffer.from(inputs.dataRaw ?? "").toString("base64");
    const body = { Name: inputs.name, Labels: toMap(inputs.labels), Data: data };
    const { ID } = await engine.post<{ ID: string }>("/configs/create", body);
    const found = await engine.get<Found>(`/configs/${ID}`);
    return live(found, inputs);
  },

  async read(config, id, _state, oldInputs) {
    const engine = await config.engine();
    const found = await engine.find<Found>(`/configs/${encodeURIComponent(id)}`);
    return found && live(found, oldInputs);
  },

  async delete(config, id, _state, context) {
    const engine = await config.engine();
    await retryWhile(isInUse, RELEASE_LIMIT_MS, context.signal, () => engine.remove(`/configs/${id}`));
  },
};

function live(found: Found, old: Inputs | undefined): Live<State> {
  const { Data, Name, Labels } = found.Spec;
  const raw = old?.dataRaw === undefined ? undefined : Buffer.from(Data, "base64").toString("utf8");
  const state: State = { data: Data, dataRaw: raw, labels: fromMap(Labels), name: Name };
  return { id: found.ID, state, inputs: project(state, old as Props | undefined, shape) };
}
