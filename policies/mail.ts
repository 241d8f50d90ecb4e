import { allowed, type Statement, statementsOf } from "./lib/iam";
import { type Rule, resourceRule } from "./lib/rule";

/** What sends mail, by whatever way. */
const SENDS = [
  "ses:SendRawEmail",
  "ses:SendEmail",
  "ses:SendTemplatedEmail",
  "ses:SendBulkTemplatedEmail",
  "ses:SendBulkEmail",
  "ses:SendBounce",
] as const;

const ADDRESS = /^arn:[^*?]+:identity\/[^*?]+@[^*?]+$/;

/** True where a statement lets mail go out from one known address only. */
function isOneAddress({ Resource, Condition }: Statement): boolean {
  const resources = Resource === undefined ? [] : [Resource].flat();
  const from = Object.entries(Condition?.StringEquals ?? {}).find(
    ([key]) => key.toLowerCase() === "ses:fromaddress",
  );
  return (
    resources.length > 0 &&
    resources.every((resource) => ADDRESS.test(resource)) &&
    from !== undefined &&
    [from[1]].flat().length === 1
  );
}

const senders = resourceRule(
  {
    name: "mail-from-one-address",
    section: "Security Operations",
    basis: { row: "M52", says: "Containment: Isolate affected systems" },
    demands:
      "A credential that can send mail sends it from one address only: a stolen one writes in no other's name.",
    types: [
      "aws:iam/policy:Policy",
      "aws:iam/userPolicy:UserPolicy",
      "aws:iam/groupPolicy:GroupPolicy",
      "aws:iam/rolePolicy:RolePolicy",
    ],
  },
  ({ props }, judge) => {
    const loose = () =>
      allowed(
        (statementsOf(props.policy) ?? []).filter((statement) => !isOneAddress(statement)),
        SENDS,
      );
    judge.must(
      () => loose().length === 0,
      () => `allows ${loose().join(", ")} from any address`,
      "the identity of one address as Resource, and a Condition StringEquals on ses:FromAddress",
    );
  },
);

export const MAIL: readonly Rule[] = [senders];
