/** `aws:ses`: addresses that mail may be sent from. */

import type { SES } from "@aws-sdk/client-ses";
import type { EmailIdentityArgs, EmailIdentityState } from "@pulumi/aws/ses/emailIdentity";
import type { ResourceHandler } from "../lib/types";
import type { Aws } from "./clients";
import { partitionOf } from "./regions";
import { type Resolved, resource, type Session } from "./resource";

type EmailIdentityInputs = Resolved<EmailIdentityArgs>;
type EmailIdentityOutputs = Resolved<EmailIdentityState>;

const emailIdentity = (session: Session) =>
  resource<EmailIdentityInputs, EmailIdentityOutputs>(session, {
    token: "aws:ses/emailIdentity:EmailIdentity",
    noun: "SES address",
    args: ["email", "region"],
    required: ["email"],
    outputs: ["arn"],
    replaceOn: ["email"],
    check(inputs, fail) {
      // The service keeps an address as it is given, and takes one with a slash at its end for another.
      if (typeof inputs.email === "string" && inputs.email.endsWith("/")) {
        fail("email", `is ${JSON.stringify(inputs.email)}; it must be an address such as crm@example.com`);
      }
    },
    async create(aws, inputs) {
      await aws.ses(inputs.region).verifyEmailIdentity({ EmailAddress: inputs.email });
      return { id: String(inputs.email) };
    },
    async read(aws, id, known) {
      const region = known.region ?? aws.region;
      if (!(await isListed(aws.ses(region), id))) return undefined;
      const { Account } = await aws.sts().getCallerIdentity({});
      return {
        arn: `arn:${partitionOf(region).partition}:ses:${region}:${Account}:identity/${id}`,
        email: id,
      };
    },
    async update() {
      // Every property replaces it.
    },
    async delete(aws, id, state) {
      await aws.ses(state.region).deleteIdentity({ Identity: id });
    },
  });

/** By the list, since an emulator calls every address verified, known or not. */
async function isListed(ses: SES, email: string): Promise<boolean> {
  let token: string | undefined;
  do {
    const { Identities = [], NextToken } = await ses.listIdentities({
      IdentityType: "EmailAddress",
      ...(token !== undefined && { NextToken: token }),
    });
    if (Identities.includes(email)) return true;
    token = NextToken === "" ? undefined : NextToken;
  } while (token !== undefined);
  return false;
}

// biome-ignore lint/suspicious/noExplicitAny: a plugin's handlers differ in their inputs and state, as in its type.
export const sesResources = (session: Session): ResourceHandler<Aws, any, any>[] => [emailIdentity(session)];
