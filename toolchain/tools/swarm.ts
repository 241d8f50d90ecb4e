import { setTimeout as sleep } from "node:timers/promises";
import type { Context } from "../context";
import { docker } from "../docker";
import { Refusal, type Tool } from "../types";

interface SwarmState {
  readonly LocalNodeState: string;
  readonly ControlAvailable: boolean;
  readonly Error?: string;
}

/** The engine as a Swarm manager, with the bridge through which its tasks reach the world. */
export function swarmTool({ host }: Context, engine: Tool): Tool {
  const state = async () =>
    JSON.parse(await docker(host, ["info", "--format", "{{json .Swarm}}"])) as SwarmState;
  const hasBridge = async () =>
    (await host.exec(["docker", "network", "inspect", "--format", "{{.Id}}", BRIDGE])).code === 0;
  return {
    name: "Docker Swarm",
    why: "run services that roll and come back by themselves",
    remedy: "run `docker swarm init` and see what it says",
    needs: [engine],
    async present() {
      const swarm = await state();
      if (swarm.LocalNodeState === "inactive") return undefined;
      refuseUnusable(swarm);
      return (await hasBridge()) ? "this node is a manager" : undefined;
    },
    ways: [
      {
        name: "docker swarm init",
        async get() {
          if ((await state()).LocalNodeState === "inactive") {
            // One node needs to be reached by nobody else; more nodes are joined after an `init` with a real address.
            const loopback = ["--advertise-addr", "127.0.0.1", "--listen-addr", "127.0.0.1:2377"];
            await docker(host, ["swarm", "init", ...loopback]);
            // The engine makes the bridge by itself, though not before `init` returns.
            for (let tries = 0; tries < BRIDGE_TRIES && !(await hasBridge()); tries++)
              await sleep(BRIDGE_PAUSE);
          }
          if (!(await hasBridge())) {
            const options = [
              "bridge.name=docker_gwbridge",
              "bridge.enable_icc=false",
              "bridge.enable_ip_masquerade=true",
            ];
            const flags = options.flatMap((option) => ["--opt", `com.docker.network.${option}`]);
            await docker(host, ["network", "create", "--driver", "bridge", ...flags, BRIDGE]);
          }
        },
      },
    ],
  };
}

const BRIDGE = "docker_gwbridge";
const BRIDGE_TRIES = 50;
/** Milliseconds. */
const BRIDGE_PAUSE = 200;

function refuseUnusable({ LocalNodeState, ControlAvailable, Error: reason }: SwarmState): void {
  switch (LocalNodeState) {
    case "active":
      if (ControlAvailable) return;
      throw new Refusal(
        "this node is a worker of a Swarm, and services are made on a manager",
        "set DOCKER_HOST to a manager, or run `docker swarm leave` to let this node form one of its own",
      );
    case "locked":
      throw new Refusal(
        "the Swarm is locked since the engine started",
        "run `docker swarm unlock` with its key",
      );
    case "pending":
      throw new Refusal(
        "this node is still waiting to join a Swarm",
        "start that Swarm's managers, or run `docker swarm leave --force` if it is gone",
      );
    default:
      throw new Refusal(
        `the Swarm is in the state ${LocalNodeState}: ${reason || "no reason given"}`,
        "repair it, or run `docker swarm leave --force`, which loses its services and secrets",
      );
  }
}
