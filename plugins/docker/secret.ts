/** `docker.Secret`: immutable, every change replaces. The engine never tells a secret's data. */
import type * as docker from "@pulumi/docker";
import type { Live, Props, ResourceHandler } from "../lib/types";
import { checkBase64 } from "./base64";
import type { DockerConfig } from "./config";
import { isInUse, RELEASE_LIMIT_MS, retryWhile } from "./errors";
import { fromMap, toMap } from "./labels";
import { project, type Shape } from "./project";
import type { Resolved, StateOf } from "./resolved";

type Inputs = Resolved<docker.SecretArgs>;
type State = StateOf<docker.Secret>;

interface Found {
  readonly ID: string;
  readonly Spec: { readonly Name: string; readonly Labels: Record<string, string> | null };
}

const shape: Shape = {
  sets: { labels: ["label"] },
  computed: [],
  durations: [],
  defaults: {},
  unreadable: ["data"],
};

export const secret: ResourceHandler<DockerConfig, Inputs, State> = {
  token: "docker:index/secret:Secret",
  autoName: "name",
  replaceOn: ["name", "data", "labels"],
  sets: Object.keys(shape.sets),
  secretOutputs: ["data"],

  check(news) {
    const missing = news.data === undefined;
    const failures = missing ? [{ property: "data", reason: "is missing" }] : checkBase64(news, "data");
    return { inputs: news, failures };
  },

  preview: (inputs) => inputs,

  async create(config, inputs) {
    const engine = await config.engine();
    const body = { Name: inputs.name, Labels: toMap(inputs.labels), Data: inputs.data };
    const { ID } = await engine.post<{ ID: string }>("/secrets/create", body);
    const found = await engine.get<Found>(`/secrets/${ID}`);
    return live(found, inputs);
  },

  async read(config, id, state, oldInputs) {
    const engine = await config.engine();
    const found = await engine.find<Found>(`/secrets/${encodeURIComponent(id)}`);
    if (!found) return undefined;
    const data = oldInputs?.data ?? state?.data;
    if (data === undefined) {
      throw new Error(`the secret ${found.Spec.Name} cannot be imported: the engine does not tell its data`);
    }
    return live(found, { ...oldInputs, data });
  },

  async delete(config, id, _state, context) {
    const engine = await config.engine();
    await retryWhile(isInUse, RELEASE_LIMIT_MS, context.signal, () => engine.remove(`/secrets/${id}`));
  },
};

function live(found: Found, old: Inputs): Live<State> {
  const state: State = { data: old.data, labels: fromMap(found.Spec.Labels), name: found.Spec.Name };
  return { id: found.ID, state, inputs: project(state, old as unknown as Props, shape) };
}
