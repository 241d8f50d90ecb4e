/** Functions of the `aws` package that only look something up. */

import type { Props } from "../lib/types";
import { type Aws, reasonOf } from "./clients";
import { describeRegion, partitionOf } from "./regions";

export const functions: Readonly<Record<string, (aws: Aws, args: Props) => Promise<Props>>> = {
  async "aws:index/getCallerIdentity:getCallerIdentity"(aws) {
    try {
      const { Account, Arn, UserId } = await aws.sts().getCallerIdentity({});
      return { accountId: Account, arn: Arn, id: Account, userId: UserId };
    } catch (error) {
      throw new Error(`reading the caller's identity: ${reasonOf(error)}`);
    }
  },

  async "aws:index/getPartition:getPartition"(aws) {
    const partition = partitionOf(aws.region);
    return { ...partition, id: partition.partition };
  },

  async "aws:index/getRegion:getRegion"(aws, args) {
    const { name, region, endpoint } = args as { name?: string; region?: string; endpoint?: string };
    const fromEndpoint = endpoint === undefined ? undefined : /^ec2\.([a-z0-9-]+)\./.exec(endpoint)?.[1];
    if (endpoint !== undefined && fromEndpoint === undefined) {
      throw new Error(
        `getRegion: endpoint is "${endpoint}"; give an EC2 endpoint such as ec2.us-east-1.amazonaws.com`,
      );
    }
    const wanted = region ?? name ?? fromEndpoint ?? aws.region;
    const known = describeRegion(wanted);
    if (known === undefined) throw new Error(`getRegion: "${wanted}" is no region that this plugin knows`);
    return {
      description: known.description,
      endpoint: `ec2.${wanted}.${partitionOf(wanted).dnsSuffix}`,
      id: wanted,
      name: wanted,
      region: wanted,
    };
  },
};
