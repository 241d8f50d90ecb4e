import { type Case, refusals } from "./support/cases";
import { declare } from "./support/harness";

const ALLOWED = "the identity of one address as Resource, and a Condition StringEquals on ses:FromAddress";
const ISOLATE = 'Manual M52: "Containment: Isolate affected systems".';
const IDENTITY = "arn:aws:ses:us-east-1:123456789012:identity/crm@example.com";
const FROM = { StringEquals: { "ses:FromAddress": "crm@example.com" } };

interface Given {
  what: string;
  action?: string;
  resource?: unknown;
  condition?: unknown;
  shown?: string;
}

const loose: Given[] = [
  { what: "no condition", condition: undefined },
  { what: "a condition that a pattern meets", condition: { StringLike: { "ses:FromAddress": "*" } } },
  { what: "two addresses", condition: { StringEquals: { "ses:FromAddress": ["a@b.c", "d@e.f"] } } },
  { what: "every identity", resource: "*" },
  { what: "every address of a domain", resource: "arn:aws:ses:us-east-1:123456789012:identity/*" },
  {
    what: "all of SES",
    action: "ses:*",
    resource: "*",
    shown:
      "ses:SendRawEmail, ses:SendEmail, ses:SendTemplatedEmail, ses:SendBulkTemplatedEmail, ses:SendBulkEmail, ses:SendBounce",
  },
];

const cases = loose.map(
  ({ what, action = "ses:SendRawEmail", resource = IDENTITY, shown = action, ...rest }): Case => ({
    refuses: `a credential that sends mail with ${what}`,
    resource: "UserPolicy mail",
    add: [
      declare("aws:iam/userPolicy:UserPolicy", "mail", {
        policy: JSON.stringify({
          Statement: [
            {
              Effect: "Allow",
              Action: [action],
              Resource: resource,
              Condition: "condition" in rest ? rest.condition : FROM,
            },
          ],
        }),
        user: "mail",
      }),
    ],
    policy: "mail-from-one-address",
    message: `UserPolicy mail allows ${shown} from any address. Allowed: ${ALLOWED}. ${ISOLATE}`,
  }),
);

describe("mail", () => {
  refusals(cases);
});
