import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { AlarmSettings } from "../../alarmCatalogue";
import { dashboardBody } from "./dashboardBody";

export interface DashboardArgs extends AlarmSettings {
  region: string;
  /** Alarms whose state it shows. */
  alarmArns: readonly pulumi.Input<string>[];
}

/** CloudWatch's dashboard of a stack: the manual's table, the alarms' states, and each metric with its threshold as a line. */
export class Dashboard extends pulumi.ComponentResource {
  readonly dashboardName: pulumi.Output<string>;

  constructor(name: string, args: DashboardArgs, opts?: pulumi.ComponentResourceOptions) {
    super("fitnesscrm:monitoring:Dashboard", name, {}, opts);

    const dashboard = new aws.cloudwatch.Dashboard(
      name,
      {
        dashboardName: `fitnesscrm-${args.stack}`,
        dashboardBody: pulumi
          .all([...args.alarmArns])
          .apply((alarmArns) => JSON.stringify(dashboardBody({ ...args, alarmArns }))),
      },
      { parent: this },
    );
    this.dashboardName = dashboard.dashboardName;
    this.registerOutputs({ dashboardName: this.dashboardName });
  }
}
