import { S3, type S3ClientConfig } from "@aws-sdk/client-s3";
import { UserError } from "../errors";
import { explainAwsFailure } from "../state/bucket";
import type { FileStore } from "./diyHistory";

/** Where a backend's URL says that its bucket is. */
export interface BucketPlace {
  bucket: string;
  /** Folder in it, with a slash at its end; empty for none. */
  prefix: string;
  client: Pick<S3ClientConfig, "region" | "endpoint" | "forcePathStyle" | "profile">;
}

/** @param url As Pulumi takes it, with the parameters of Go CDK's `s3blob`: `s3://bucket?region=…&endpoint=…`. */
export function parseBucketUrl(url: string): BucketPlace {
  const { hostname: bucket, pathname, searchParams } = new URL(url);
  if (bucket === "") {
    throw new UserError(
      `PULUMI_BACKEND_URL ${url}: names no bucket: must be such as s3://my-bucket?region=us-east-1`,
    );
  }
  const folder = `${pathname}/${searchParams.get("prefix") ?? ""}`.split("/").filter((part) => part !== "");
  const isOn = (...names: string[]): boolean => names.some((name) => searchParams.get(name) === "true");
  const endpoint = searchParams.get("endpoint");
  const region = searchParams.get("region");
  const profile = searchParams.get("profile");
  return {
    bucket,
    prefix: folder.map((part) => `${part}/`).join(""),
    client: {
      ...(region !== null && { region }),
      ...(profile !== null && { profile }),
      ...(endpoint !== null && { endpoint: withScheme(endpoint, isOn("disable_https", "disableSSL")) }),
      ...(isOn("use_path_style", "s3ForcePathStyle") && { forcePathStyle: true }),
    },
  };
}

function withScheme(endpoint: string, plain: boolean): string {
  return /^https?:\/\//.test(endpoint) ? endpoint : `${plain ? "http" : "https"}://${endpoint}`;
}

/** A backend in a bucket, with the credentials that `pulumi` would find. */
export function bucketStore(url: string): FileStore {
  const { bucket, prefix, client } = parseBucketUrl(url);
  // Its notice about coming Node versions is for developers.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= "true";
  const s3 = new S3(client);
  return {
    list: (folder) => explained(bucket, list(s3, bucket, prefix, folder)),
    read: (key) => explained(bucket, read(s3, bucket, `${prefix}${key}`)),
  };
}

async function list(s3: S3, Bucket: string, prefix: string, folder: string): Promise<string[]> {
  const keys: string[] = [];
  let ContinuationToken: string | undefined;
  do {
    const page = await s3.listObjectsV2({
      Bucket,
      Prefix: `${prefix}${folder}`,
      ...(ContinuationToken !== undefined && { ContinuationToken }),
    });
    keys.push(...(page.Contents ?? []).flatMap(({ Key }) => Key?.slice(prefix.length) ?? []));
    ContinuationToken = page.NextContinuationToken;
  } while (ContinuationToken !== undefined);
  return keys;
}

async function read(s3: S3, Bucket: string, Key: string): Promise<Buffer | undefined> {
  try {
    const { Body } = await s3.getObject({ Bucket, Key });
    return Body === undefined ? undefined : Buffer.from(await Body.transformToByteArray());
  } catch (error) {
    if (error instanceof Error && error.name === "NoSuchKey") {
      return undefined;
    }
    throw error;
  }
}

async function explained<T>(bucket: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw new UserError(`history in bucket ${bucket}: ${explainAwsFailure(error)}`);
  }
}
