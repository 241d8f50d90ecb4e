/** A security scan as lines for a person. Pure. */
import { shortImage } from "../releases/images";
import { ROTATIONS, showAge } from "../rotation/plan";
import { columns } from "../table";
import type { ImageScan, SecurityScan } from "./model";
import type { NpmLook } from "./npm";

export function formatScan(scan: SecurityScan): string {
  const option = scan.stack === "local" ? "" : ` --stack ${scan.stack}`;
  const parts = [
    formatImages(scan.images),
    ...scan.images.flatMap(formatFixes),
    formatNpm(scan.npm),
    formatSecrets(scan, option),
    ...(scan.images.some(lacksFix)
      ? [
          `./fitnesscrm images refresh${option} has the next deployment build images from today's packages; a published image gets them from who publishes it.`,
        ]
      : []),
    scan.passed
      ? `Stack ${scan.stack}: no known fix is missing, no secret is over its limit.`
      : `Stack ${scan.stack}: something is to be done, see above.`,
  ];
  return parts.map((lines) => [lines].flat().join("\n")).join("\n\n");
}

function lacksFix({ packages }: ImageScan): boolean {
  return packages.state === "looked" && packages.updates.some(({ security }) => security);
}

function formatImages(images: readonly ImageScan[]): string[] {
  return columns(
    ["SERVICES", "IMAGE", "PACKAGES", "FIXES MISSING", "OTHER UPDATES", "SYSTEM"],
    images.map(({ image, services, packages }) => {
      const named = [services.join(", "), shortImage(image)];
      if (packages.state !== "looked") {
        const says = packages.state === "not-looked" ? "not looked into" : "NOT KNOWN";
        return [...named, "-", "-", "-", `${says}: ${packages.reason}`];
      }
      const fixes = packages.updates.filter(({ security }) => security).length;
      const system = `${packages.system}${packages.warning === undefined ? "" : `; ${packages.warning}`}`;
      return [
        ...named,
        String(packages.packages),
        String(fixes),
        String(packages.updates.length - fixes),
        system,
      ];
    }),
  );
}

function formatFixes({ services, packages }: ImageScan): string[][] {
  const fixes = packages.state === "looked" ? packages.updates.filter(({ security }) => security) : [];
  return fixes.length === 0
    ? []
    : [
        [
          `Fixes that ${services.join(", ")} ${services.length === 1 ? "lacks" : "lack"}`,
          ...columns(
            ["PACKAGE", "INSTALLED", "FIXED IN"],
            fixes.map(({ name, installed, fixed }) => [name, installed, fixed]),
          ),
        ],
      ];
}

function formatNpm(npm: NpmLook): string[] {
  if (npm.state !== "looked") {
    return [
      `npm packages of launcher and ops: ${npm.state === "failed" ? "NOT KNOWN" : "not looked into"}: ${npm.reason}`,
    ];
  }
  return npm.faults.length === 0
    ? ["npm packages of launcher and ops: no known fault"]
    : [
        "npm packages of launcher and ops with known faults",
        ...columns(
          ["PACKAGE", "SEVERITY", "VERSIONS", "FIXED", "FAULT"],
          npm.faults.map(({ name, severity, range, fixed, title }) => [
            name,
            severity,
            range,
            fixed ? "yes: npm audit fix" : "not yet",
            title,
          ]),
        ),
      ];
}

function formatSecrets({ secrets }: SecurityScan, option: string): string[] {
  return secrets.length === 0
    ? ["Secrets: none is over its limit of age"]
    : [
        `Secrets over their limit of age; ./fitnesscrm secrets rotate NAME${option} replaces one`,
        ...columns(
          ["SECRET", "AGE", "ROTATE"],
          secrets.map((age) => {
            const rotation = ROTATIONS[age.name];
            return [age.name, showAge(age), rotation.how === "never" ? rotation.why : rotation.effect];
          }),
        ),
      ];
}
