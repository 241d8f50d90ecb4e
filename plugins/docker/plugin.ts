/** Stands in for the official `docker` plugin on machines that cannot get it, for the resource types used here. */
import type { Plugin } from "../lib/types";
import { checkConfig, type DockerConfig, parseConfig } from "./config";
import { network } from "./network";
import { secret } from "./secret";
import { service } from "./service";
import { serviceConfig } from "./serviceConfig";
import { volume } from "./volume";

export const dockerPlugin: Plugin<DockerConfig> = {
  name: "docker",
  version: "5.2.0",
  jsonConfig: ["sshOpts"],
  checkConfig,
  configure: async (config) => parseConfig(config),
  close: (config) => config.close(),
  resources: [network, volume, secret, serviceConfig, service],
};
