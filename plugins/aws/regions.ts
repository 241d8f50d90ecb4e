/** What the upstream provider knows of a region by heart. */
interface Region {
  readonly description: string;
  /** Route 53 zone of the S3 website endpoints, an output of `Bucket`. */
  readonly s3HostedZoneId: string;
}

const REGIONS: Readonly<Record<string, Region>> = {
  "af-south-1": { description: "Africa (Cape Town)", s3HostedZoneId: "Z83WF9RJE8B12" },
  "ap-east-1": { description: "Asia Pacific (Hong Kong)", s3HostedZoneId: "ZNB98KWMFR0R6" },
  "ap-northeast-1": { description: "Asia Pacific (Tokyo)", s3HostedZoneId: "Z2M4EHUR26P7ZW" },
  "ap-northeast-2": { description: "Asia Pacific (Seoul)", s3HostedZoneId: "Z3W03O7B5YMIYP" },
  "ap-northeast-3": { description: "Asia Pacific (Osaka)", s3HostedZoneId: "Z2YQB5RD63NC85" },
  "ap-south-1": { description: "Asia Pacific (Mumbai)", s3HostedZoneId: "Z11RGJOFQNVJUP" },
  "ap-southeast-1": { description: "Asia Pacific (Singapore)", s3HostedZoneId: "Z3O0J2DXBE1FTB" },
  "ap-southeast-2": { description: "Asia Pacific (Sydney)", s3HostedZoneId: "Z1WCIGYICN2BYD" },
  "ca-central-1": { description: "Canada (Central)", s3HostedZoneId: "Z1QDHH18159H29" },
  "eu-central-1": { description: "Europe (Frankfurt)", s3HostedZoneId: "Z21DNDUVLTQW6Q" },
  "eu-north-1": { description: "Europe (Stockholm)", s3HostedZoneId: "Z3BAZG2TWCNX0D" },
  "eu-south-1": { description: "Europe (Milan)", s3HostedZoneId: "Z30OZKI7KPW7MI" },
  "eu-west-1": { description: "Europe (Ireland)", s3HostedZoneId: "Z1BKCTXD74EZPE" },
  "eu-west-2": { description: "Europe (London)", s3HostedZoneId: "Z3GKZC51ZF0DB4" },
  "eu-west-3": { description: "Europe (Paris)", s3HostedZoneId: "Z3R1K369G5AVDG" },
  "me-south-1": { description: "Middle East (Bahrain)", s3HostedZoneId: "Z1MPMWCPA7YB62" },
  "sa-east-1": { description: "South America (Sao Paulo)", s3HostedZoneId: "Z7KQH4QJS55SO" },
  "us-east-1": { description: "US East (N. Virginia)", s3HostedZoneId: "Z3AQBSTGFYJSTF" },
  "us-east-2": { description: "US East (Ohio)", s3HostedZoneId: "Z2O1EMRO9K5GLX" },
  "us-west-1": { description: "US West (N. California)", s3HostedZoneId: "Z2F56UZL2M1ACD" },
  "us-west-2": { description: "US West (Oregon)", s3HostedZoneId: "Z3BJ6K6RIION7M" },
};

/** Undefined for a region that is not in the table. */
export function describeRegion(region: string): Region | undefined {
  return REGIONS[region];
}

export interface Partition {
  readonly partition: string;
  readonly dnsSuffix: string;
  readonly reverseDnsPrefix: string;
}

export function partitionOf(region: string): Partition {
  if (region.startsWith("cn-")) {
    return { partition: "aws-cn", dnsSuffix: "amazonaws.com.cn", reverseDnsPrefix: "cn.com.amazonaws" };
  }
  const partition = region.startsWith("us-gov-") ? "aws-us-gov" : "aws";
  return { partition, dnsSuffix: "amazonaws.com", reverseDnsPrefix: "com.amazonaws" };
}
