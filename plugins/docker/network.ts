/** `docker.Network`: immutable, every change replaces. */
import type * as docker from "@pulumi/docker";
import { type Live, type Props, type ResourceHandler, UNKNOWN } from "../lib/types";
import type { DockerConfig } from "./config";
import type { Engine } from "./engine";
import { isInUse, RELEASE_LIMIT_MS, retryWhile } from "./errors";
import { fromMap, toMap } from "./labels";
import { isReleased, project, type Shape, withDefaults } from "./project";
import type { Resolved, StateOf } from "./resolved";

type Inputs = Resolved<docker.NetworkArgs>;
type State = StateOf<docker.Network>;

interface Pool {
  readonly Subnet?: string;
  readonly IPRange?: string;
  readonly Gateway?: string;
  readonly AuxiliaryAddresses?: Record<string, string>;
}

interface Found {
  readonly Id: string;
  readonly Name: string;
  readonly Driver: string;
  readonly Scope: string;
  readonly Internal: boolean;
  readonly Attachable: boolean;
  readonly Ingress: boolean;
  readonly EnableIPv6: boolean;
  readonly IPAM: {
    readonly Driver: string;
    readonly Options: Record<string, string> | null;
    readonly Config: Pool[] | null;
  };
  readonly Options: Record<string, string> | null;
  readonly Labels: Record<string, string> | null;
}

const shape: Shape = {
  sets: { labels: ["label"], ipamConfigs: ["subnet"] },
  // A gateway is assigned to a pool that names none.
  computed: [
    "driver",
    "options",
    "options.*",
    "internal",
    "ipamOptions",
    "ipamConfigs",
    "ipamConfigs[*].gateway",
  ],
  durations: [],
  defaults: { ipamDriver: "default" },
  unreadable: [],
};

export const network: ResourceHandler<DockerConfig, Inputs, State> = {
  token: "docker:index/network:Network",
  autoName: "name",
  replaceOn: [
    ...["name", "labels", "driver", "options", "internal", "attachable", "ingress", "ipv6"],
    ...["ipamDriver", "ipamOptions", "ipamConfigs"],
  ],
  sets: Object.keys(shape.sets),
  ignoreDiff: (path, _old, value) => isReleased(shape, path, value),

  check: (news) => ({ inputs: withDefaults(news, shape), failures: [] }),

  preview: (inputs) => ({
    driver: UNKNOWN,
    internal: UNKNOWN,
    ipamConfigs: UNKNOWN,
    options: UNKNOWN,
    ...inputs,
    scope: UNKNOWN,
  }),

  async create(config, inputs) {
    const engine = await config.engine();
    const { Id } = await engine.post<{ Id: string }>("/networks/create", {
      Name: inputs.name,
      // Older engines would otherwise make a second network of the same name.
      CheckDuplicate: true,
      Driver: inputs.driver,
      Internal: inputs.internal,
      Attachable: inputs.attachable,
      Ingress: inputs.ingress,
      EnableIPv6: inputs.ipv6,
      Options: inputs.options,
      Labels: toMap(inputs.labels),
      IPAM: {
        Driver: inputs.ipamDriver,
        Options: inputs.ipamOptions,
        Config: inputs.ipamConfigs?.map(({ subnet, ipRange, gateway, auxAddress }) => ({
          Subnet: subnet,
          IPRange: ipRange,
          Gateway: gateway,
          AuxiliaryAddresses: auxAddress,
        })),
      },
    });
    const found = await inspect(engine, Id);
    if (!found) throw new Error(`the network ${inputs.name} was removed while it was being made`);
    return live(found, inputs);
  },

  async read(config, id, _state, oldInputs) {
    const found = await inspect(await config.engine(), id);
    return found && live(found, oldInputs);
  },

  async delete(config, id, _state, context) {
    const engine = await config.engine();
    await retryWhile(isInUse, RELEASE_LIMIT_MS, context.signal, () => engine.remove(`/networks/${id}`));
  },
};

const inspect = (engine: Engine, id: string): Promise<Found | undefined> =>
  engine.find<Found>(`/networks/${encodeURIComponent(id)}`);

function live(found: Found, old: Inputs | undefined): Live<State> {
  const state: State = {
    attachable: found.Attachable,
    driver: found.Driver,
    ingress: found.Ingress,
    internal: found.Internal,
    ipamConfigs: (found.IPAM.Config ?? []).map((pool) => ({
      subnet: pool.Subnet,
      ipRange: pool.IPRange || undefined,
      gateway: pool.Gateway || undefined,
      auxAddress: pool.AuxiliaryAddresses,
    })),
    ipamDriver: found.IPAM.Driver,
    ipamOptions: found.IPAM.Options ?? {},
    ipv6: found.EnableIPv6,
    labels: fromMap(found.Labels),
    name: found.Name,
    options: found.Options ?? {},
    scope: found.Scope,
  };
  const { scope: _, ...inputs } = state;
  return { id: found.Id, state, inputs: project(inputs, old as Props | undefined, shape) };
}
