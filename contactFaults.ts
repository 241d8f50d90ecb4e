/** What is wrong with contacts that are right one by one: about two of them, or about the rota. Pure. */
import type { Contact, Contacts, RotaOverride } from "./config";
import { engineerOfShift, overrideWall, shiftOfWall } from "./rota";

export interface ContactFault {
  /** Path below `contacts`. */
  readonly path: readonly (string | number)[];
  readonly input: unknown;
  readonly message: string;
}

export function contactFaults(contacts: Contacts): ContactFault[] {
  return [
    ...sharedAddresses(contacts),
    ...sharedNames(contacts),
    ...plannedBefore(contacts),
    ...contacts.rota.overrides.flatMap((override, index) =>
      overrideFaults(override, contacts).map(({ key, ...fault }) => ({
        ...fault,
        path: ["rota", "overrides", index, key],
      })),
    ),
    ...overlaps(contacts),
  ];
}

/** A page for two people at one address reaches one: an escalation would go round in a circle. */
function sharedAddresses({ onCall, databaseAdmin, securityTeam, escalation }: Contacts): ContactFault[] {
  const all: [path: (string | number)[], contact: Contact][] = [
    ...onCall.map((one, index): [(string | number)[], Contact] => [["onCall", index], one]),
    [["databaseAdmin"], databaseAdmin],
    [["securityTeam"], securityTeam],
    [["escalation", "engineeringManager"], escalation.engineeringManager],
    [["escalation", "cto"], escalation.cto],
    [["escalation", "ceo"], escalation.ceo],
  ];
  const seen = new Map<string, Contact>();
  return all.flatMap(([path, one]) => {
    const address = one.email.toLowerCase();
    const first = seen.get(address);
    seen.set(address, first ?? one);
    const message = `is the address of ${first?.name} too: each contact needs one of their own`;
    return first === undefined ? [] : [{ path: [...path, "email"], input: one.email, message }];
  });
}

/** Overrides name engineers. */
function sharedNames({ onCall }: Contacts): ContactFault[] {
  return onCall.flatMap(({ name }, index) =>
    onCall.findIndex((other) => other.name === name) === index
      ? []
      : [
          {
            path: ["onCall", index, "name"],
            input: name,
            message: "is the name of another engineer of the rota: overrides could not tell them apart",
          },
        ],
  );
}

function plannedBefore({ rota: { from, plannedFrom } }: Contacts): ContactFault[] {
  return plannedFrom === undefined || plannedFrom >= from
    ? []
    : [
        {
          path: ["rota", "plannedFrom"],
          input: plannedFrom,
          message: `must not be before the rota begins, ${from}`,
        },
      ];
}

interface OverrideFault {
  readonly key: keyof RotaOverride;
  readonly input: unknown;
  readonly message: string;
}

function overrideFaults(
  { engineer, from, until }: RotaOverride,
  { onCall, rota }: Contacts,
): OverrideFault[] {
  const names = onCall.map(({ name }) => name);
  if (!names.includes(engineer)) {
    return [{ key: "engineer", input: engineer, message: `must be one of the rota: ${names.join(", ")}` }];
  }
  if (until <= from) {
    return [{ key: "until", input: until, message: `must be after from, ${from}` }];
  }
  const shift = shiftOfWall(rota.from, overrideWall(from));
  if (shift < 0) {
    return [{ key: "from", input: from, message: `must not be before the rota begins, ${rota.from}` }];
  }
  // The handoff itself is the end of the shift, and no longer in it.
  if (shiftOfWall(rota.from, overrideWall(until) - 1) !== shift) {
    return [
      {
        key: "until",
        input: until,
        message: "must lie in the same shift as from: write one override for each shift",
      },
    ];
  }
  return engineerOfShift(onCall, shift).name === engineer
    ? [{ key: "engineer", input: engineer, message: "has that shift anyway: must be somebody else" }]
    : [];
}

function overlaps({ rota: { overrides } }: Contacts): ContactFault[] {
  return overrides.flatMap(({ from, until }, index) => {
    const before = overrides.slice(0, index).find((other) => from < other.until && other.from < until);
    return before === undefined
      ? []
      : [
          {
            path: ["rota", "overrides", index, "from"],
            input: from,
            message: `must not overlap with another override, ${before.from} to ${before.until}`,
          },
        ];
  });
}
