import type * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import type { TaskDefinition } from "../../ops/tasks/definitions";
import { swarmConfig } from "../stack/files";

export interface ScheduledTasksArgs {
  stack: string;
  /** IANA zone of every calendar (the manual's "EST" is America/New_York). */
  timeZone: string;
  /** Name, calendar, time limit, and what a failure means, of each task (M42, M14). */
  tasks: readonly TaskDefinition[];
}

/**
 * The operations calendar: what runs when, and what it means when it does not. One file that the containers of ops and
 * restore read; each takes the tasks that are its own.
 *
 * @example
 * new ScheduledTasks("tasks", { stack: "local", timeZone: "America/New_York", tasks: taskDefinitions() });
 */
export class ScheduledTasks extends pulumi.ComponentResource {
  /** The calendar as a file for a container. */
  readonly file: docker.ServiceConfig;
  readonly timeZone: pulumi.Output<string>;
  readonly names: pulumi.Output<string[]>;

  constructor(name: string, args: ScheduledTasksArgs, opts?: pulumi.ComponentResourceOptions) {
    super("fitnesscrm:operations:ScheduledTasks", name, {}, opts);

    this.file = swarmConfig(
      args.stack,
      "tasks",
      JSON.stringify({ timeZone: args.timeZone, tasks: args.tasks }, null, 2),
      this,
    );
    this.timeZone = pulumi.output(args.timeZone);
    this.names = pulumi.output(args.tasks.map((task) => task.name));
    this.registerOutputs({ timeZone: this.timeZone, names: this.names });
  }
}
