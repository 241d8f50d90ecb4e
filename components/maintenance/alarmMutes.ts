import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { AlarmName } from "../../alarmCatalogue";
import {
  declareMutes,
  MAX_MUTED,
  MUTED_ALARMS,
  type MuteRule,
  type MuteSettings,
} from "../../maintenanceMutes";

export interface AlarmMutesArgs extends MuteSettings {
  stack: string;
  /** Names in AWS of the alarms and of their delayed twins, by the alarm's name in the catalogue. */
  alarms: Readonly<Partial<Record<AlarmName, readonly pulumi.Output<string>[]>>>;
}

/**
 * The alarms that a maintenance window explains tell nobody in it, and only in it (M37): one dated rule a window, since CloudWatch
 * has no pattern for a first Sunday. Their twins are quiet with them, or the chain would hear of what on-call did not.
 *
 * For AWS itself: the emulator knows no such rules.
 */
export class AlarmMutes extends pulumi.ComponentResource {
  readonly months: pulumi.Output<string[]>;

  constructor(name: string, args: AlarmMutesArgs, opts?: pulumi.ComponentResourceOptions) {
    super("fitnesscrm:maintenance:AlarmMutes", name, {}, opts);

    const rules = declareMutes(args);
    const muted = Object.keys(MUTED_ALARMS).flatMap((alarm) => args.alarms[alarm as AlarmName] ?? []);
    if (muted.length > MAX_MUTED) {
      throw new pulumi.RunError(`a rule mutes ${muted.length} alarms: CloudWatch takes ${MAX_MUTED} at most`);
    }
    for (const rule of rules) {
      this.createRule(name, rule, muted, args);
    }
    this.months = pulumi.output(rules.map(({ month }) => month));
    this.registerOutputs({ months: this.months });
  }

  private createRule(
    name: string,
    { month, expression, timezone, duration }: MuteRule,
    alarmNames: pulumi.Output<string>[],
    { stack }: AlarmMutesArgs,
  ): aws.cloudwatch.AlarmMuteRule {
    return new aws.cloudwatch.AlarmMuteRule(
      `${name}-${month}`,
      {
        name: `fitnesscrm-${stack}-maintenance-${month}`,
        description: `Maintenance window of ${month} on ${stack} (M37): alarms that it explains.`,
        rule: { schedule: { expression, timezone, duration } },
        muteTargets: { alarmNames },
      },
      { parent: this },
    );
  }
}
