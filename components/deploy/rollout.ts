import type * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { type AttemptRecord, attemptFor, changedServices, digestOf, newAttemptId } from "../../attempt";
import type { Pin } from "../../config";
import { Gate } from "./gate";

export interface RolloutArgs {
  stack: string;
  /** What the Docker host knows of the last attempt. */
  record: Promise<AttemptRecord | undefined>;
  /** The release that a rollback holds the stack to. */
  pin: Pin | undefined;
}

/** A backup of a large database takes its time. */
const BEFORE_TIMEOUT = "4h";
/** Health, endpoints and the first logs. */
const AFTER_TIMEOUT = "30m";

/**
 * What every change of a service goes through: the gate before it, and the verification once all have changed (M16, M18).
 *
 * Services are declared after the gate that they wait for, and the gate runs when one of them is declared differently than it was
 * in the last attempt, or when that attempt was not verified. So each service hands in what it declares, and the attempt is
 * known once the last one has.
 */
export class Rollout extends pulumi.ComponentResource {
  readonly stack: string;
  /** Id of the attempt that this deployment is; the last one's where nothing changes. */
  readonly attempt: pulumi.Output<string>;
  /** Every service waits for it. */
  readonly before: Gate;

  private readonly declared: Record<string, pulumi.Output<string>> = {};
  private readonly services: docker.Service[] = [];
  private readonly settle: (digests: pulumi.Output<Record<string, string>>) => void;

  constructor(name: string, args: RolloutArgs, opts?: pulumi.ComponentResourceOptions) {
    super("fitnesscrm:deploy:Rollout", name, {}, opts);
    this.stack = args.stack;
    if (args.pin !== undefined) {
      // A hold and its end are deployments, too: what the gate was told must not change without it running.
      this.declared[PIN] = pulumi.output(digestOf(args.pin));
    }

    const [digests, settle] = pulumi.deferredOutput<Record<string, string>>();
    this.settle = settle;
    this.attempt = pulumi.all([digests, args.record]).apply(([services, record]) => {
      warnOfDowntime(record, services);
      return attemptFor(record, services, () => newAttemptId(new Date()));
    });
    this.before = this.createBefore(args, digests);
    this.registerOutputs({ attempt: this.attempt });
  }

  private createBefore({ stack, pin }: RolloutArgs, digests: pulumi.Output<Record<string, string>>): Gate {
    return new Gate(
      "gate-before",
      {
        stack,
        stage: "before",
        attempt: this.attempt,
        environment: {
          FITNESSCRM_ATTEMPT_SERVICES: digests.apply((services) => JSON.stringify(services)),
          ...(pin !== undefined && {
            FITNESSCRM_ATTEMPT_PIN: JSON.stringify({
              version: pin.version,
              commit: pin.commit,
              by: pin.by,
              at: pin.at,
            }),
          }),
        },
        timeout: BEFORE_TIMEOUT,
      },
      { parent: this },
    );
  }

  /**
   * Takes note of what a service is declared with.
   *
   * How many tasks run is left out: more of the same changes nothing that has to be saved or verified first.
   */
  declare(service: string, { mode: _mode, ...args }: docker.ServiceArgs): void {
    this.declared[service] = pulumi.unsecret(pulumi.output(args).apply(digestOf));
  }

  /** Takes note of the service itself, which the verification waits for. */
  add(service: docker.Service): void {
    this.services.push(service);
  }

  /**
   * To be called once every service is declared.
   *
   * @param images References by service, for the record of what is live.
   */
  finish(images: pulumi.Input<Record<string, string>>): Gate {
    this.settle(pulumi.all(this.declared));
    return new Gate(
      "gate-after",
      {
        stack: this.stack,
        stage: "after",
        attempt: this.attempt,
        environment: {
          FITNESSCRM_ATTEMPT_IMAGES: pulumi.output(images).apply((references) => JSON.stringify(references)),
        },
        after: [this.before.command, ...this.services],
        timeout: AFTER_TIMEOUT,
      },
      { parent: this },
    );
  }
}

/** Whoever reads a preview learns there that users will notice; `gate before` decides whether it may be now (M37). */
function warnOfDowntime(record: AttemptRecord | undefined, services: Record<string, string>): void {
  if (record === undefined) {
    return;
  }
  const stopped = changedServices(record.services, services).filter((service) =>
    STOPPED_FIRST.includes(service),
  );
  if (stopped.length > 0) {
    void pulumi.log.warn(
      `${stopped.join(" and ")} will be stopped and started anew: requests that need ${stopped.length > 1 ? "them" : "it"} fail meanwhile`,
    );
  }
}

/** Where the held release stands among the digests of services. */
const PIN = "pin";

/** Users notice when one of these is replaced. */
const STOPPED_FIRST: readonly string[] = ["db", "redis"];
