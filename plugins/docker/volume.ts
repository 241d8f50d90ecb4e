/** `docker.Volume`: immutable, every change replaces. */
import type * as docker from "@pulumi/docker";
import { type Failure, type Live, type Props, type ResourceHandler, UNKNOWN } from "../lib/types";
import type { DockerConfig } from "./config";
import { isInUse, RELEASE_LIMIT_MS, retryWhile } from "./errors";
import { fromMap, toMap } from "./labels";
import { isReleased, project, type Shape } from "./project";
import type { Resolved, StateOf } from "./resolved";

type Inputs = Resolved<docker.VolumeArgs>;
type State = StateOf<docker.Volume>;

interface Found {
  readonly Name: string;
  readonly Driver: string;
  readonly Mountpoint: string;
  readonly Labels: Record<string, string> | null;
  readonly Options: Record<string, string> | null;
}

const shape: Shape = {
  sets: { labels: ["label"] },
  computed: ["driver"],
  durations: [],
  defaults: {},
  unreadable: [],
};

export const volume: ResourceHandler<DockerConfig, Inputs, State> = {
  token: "docker:index/volume:Volume",
  autoName: "name",
  replaceOn: ["name", "labels", "driver", "driverOpts", "cluster"],
  sets: Object.keys(shape.sets),
  ignoreDiff: (path, _old, value) => isReleased(shape, path, value),

  check(news) {
    const failures: Failure[] = [];
    if (news.cluster !== undefined) {
      failures.push({ property: "cluster", reason: "cluster volumes need the official docker plugin" });
    }
    return { inputs: news, failures };
  },

  preview: (inputs) => ({ driver: UNKNOWN, ...inputs, mountpoint: UNKNOWN }),

  async create(config, inputs) {
    const engine = await config.engine();
    const found = await engine.post<Found>("/volumes/create", {
      Name: inputs.name,
      Driver: inputs.driver,
      DriverOpts: inputs.driverOpts,
      Labels: toMap(inputs.labels),
    });
    return live(found, inputs);
  },

  async read(config, id, _state, oldInputs) {
    const engine = await config.engine();
    const found = await engine.find<Found>(`/volumes/${encodeURIComponent(id)}`);
    return found && live(found, oldInputs);
  },

  async delete(config, id, _state, context) {
    const engine = await config.engine();
    const path = `/volumes/${encodeURIComponent(id)}`;
    await retryWhile(isInUse, RELEASE_LIMIT_MS, context.signal, () => engine.remove(path, { force: 1 }));
  },
};

function live(found: Found, old: Inputs | undefined): Live<State> {
  const state: State = {
    cluster: undefined,
    driver: found.Driver,
    driverOpts: found.Options ?? undefined,
    labels: fromMap(found.Labels),
    mountpoint: found.Mountpoint,
    name: found.Name,
  };
  const { mountpoint: _, ...inputs } = state;
  return { id: found.Name, state, inputs: project(inputs, old as Props | undefined, shape) };
}
