import { type ConfigObject, minimalConfig, TEST_CONTACTS, withValue } from "../../support/config";
import { outputValue, type Recorded } from "../../support/mocks";
import { recordProgram } from "../../support/program";
import type { Declared } from "./harness";

const STACK = "local";

/** A stack that declares all that the program can: a migration, too. */
export function fullConfig(): ConfigObject {
  const named = withValue(minimalConfig(), "backup.bucket", "fitnesscrm-local-backups");
  const migrated = withValue(named, "app.migrate", ["python", "manage.py", "migrate"]);
  const windows = withValue(migrated, "maintenance", {
    plannedFrom: "2026-12",
    archive: [{ table: "activity_log", olderThanDays: 365 }],
  });
  // Of three engineers it shows who is told: one, or all.
  return withValue(windows, "contacts.onCall", [
    ...TEST_CONTACTS.onCall,
    { name: "Cat", email: "cat@example.com" },
  ]);
}

/** What the real program (`index.ts`) declares, as policies see it after an update. */
export async function realProgram(config: ConfigObject = fullConfig()): Promise<Declared[]> {
  const { resources, result } = await recordProgram(STACK, config);
  const byUrn = new Map(resources.map((resource) => [resource.urn, keyOf(resource)]));
  const keys = (urns: readonly string[]): string[] => urns.flatMap((urn) => byUrn.get(urn) ?? []);
  const release = await outputValue(result.outputs.release);
  return [
    {
      type: "pulumi:pulumi:Stack",
      name: `fitnesscrm-${STACK}`,
      props: { release: plain(release) },
      protect: false,
      references: {},
    },
    ...resources.map((resource) => {
      const parent = byUrn.get(resource.parent);
      return {
        type: resource.type,
        name: resource.name,
        props: plain(resource.inputs) as Record<string, unknown>,
        protect: resource.protect,
        references: Object.fromEntries(
          Object.entries(resource.propertyDependencies)
            .map(([property, urns]) => [property, keys(urns)] as const)
            .filter(([, targets]) => targets.length > 0),
        ),
        dependsOn: keys(resource.dependsOn),
        ...(parent !== undefined && { parent }),
        outputs: answered(resource),
      };
    }),
  ];
}

function keyOf({ type, name }: Recorded): string {
  return `${type}::${name}`;
}

/** What the mocks answer as well; see `defaultState` there. */
function answered({ type, name, inputs }: Recorded): Record<string, unknown> {
  const own = {
    name: `${name}-1234567`,
    ...(type.startsWith("aws:") && { arn: `arn:aws:mock:::${inputs.name ?? name}` }),
  };
  if (type === "aws:ses/emailIdentity:EmailIdentity") {
    return { ...own, arn: `arn:aws:ses:us-east-1:123456789012:identity/${inputs.email}` };
  }
  return type === "aws:s3/bucket:Bucket" ? { ...own, bucket: inputs.bucket } : own;
}

const DIGEST = `sha256:${"0123456789abcdef".repeat(4)}`;

function plain(value: unknown): unknown {
  if (typeof value === "string") {
    // The mocks make up the IDs of images.
    return value.replace(/^sha256:[a-z-]+$/, DIGEST);
  }
  if (Array.isArray(value)) {
    return value.map(plain);
  }
  if (typeof value !== "object" || value === null) {
    return value;
  }
  const entries = Object.entries(value);
  const [only] = entries;
  return entries.length === 1 && only?.[0] === "secret"
    ? plain(only[1])
    : Object.fromEntries(entries.map(([key, item]) => [key, plain(item)]));
}
