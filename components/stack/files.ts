import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";

/**
 * A Swarm secret. Immutable: a change is a new one under a new name, and the old one goes when no task uses it any more. The
 * provider's name suffix sees to that, so none is given here.
 *
 * @param value Plain text; never shown, kept encrypted in the state.
 */
export function swarmSecret(
  stack: string,
  name: string,
  value: pulumi.Input<string>,
  parent: pulumi.Resource,
  opts?: pulumi.CustomResourceOptions,
): docker.Secret {
  return new docker.Secret(
    `fitnesscrm-${stack}-${name}`,
    {
      data: pulumi.secret(pulumi.output(value).apply((text) => Buffer.from(text).toString("base64"))),
      labels: [{ label: "fitnesscrm.stack", value: stack }],
    },
    { parent, ...opts },
  );
}

/**
 * A Swarm secret that keeps what it was made with. A server that is told of another password while it runs must not be replaced for that:
 * it takes this one at its first start, and keeps on its volume what was put in its place.
 */
export function firstSecret(
  stack: string,
  name: string,
  value: pulumi.Input<string>,
  parent: pulumi.Resource,
): docker.Secret {
  return swarmSecret(stack, name, value, parent, { ignoreChanges: ["data"] });
}

/** A Swarm config, immutable in the same way. */
export function swarmConfig(
  stack: string,
  name: string,
  content: pulumi.Input<string>,
  parent: pulumi.Resource,
): docker.ServiceConfig {
  return new docker.ServiceConfig(
    `fitnesscrm-${stack}-${name}`,
    { data: pulumi.output(content).apply((text) => Buffer.from(text).toString("base64")) },
    { parent },
  );
}
