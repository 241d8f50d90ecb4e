import assert from "node:assert/strict";
import { MailSender } from "../../../../components/operations/mailSender";
import { countByType, only, outputValue, record } from "../../../support/mocks";

describe("the credentials of what sends mail", () => {
  it("can send from the one address, and do nothing else", async () => {
    const { resources, result } = await record(
      "unit",
      () => new MailSender("mail", { stack: "unit", from: "crm@example.com" }),
    );
    const identity = only(resources, "aws:ses/emailIdentity:EmailIdentity");
    assert.deepEqual(identity.inputs, { email: "crm@example.com" });
    assert.deepEqual(JSON.parse(String(only(resources, "aws:iam/userPolicy:UserPolicy").inputs.policy)), {
      Version: "2012-10-17",
      Statement: [
        {
          Effect: "Allow",
          Action: ["ses:SendRawEmail"],
          Resource: "arn:aws:ses:us-east-1:123456789012:identity/crm@example.com",
          Condition: { StringEquals: { "ses:FromAddress": "crm@example.com" } },
        },
      ],
    });
    assert.deepEqual(countByType(resources), {
      "fitnesscrm:operations:MailSender": 1,
      "aws:ses/emailIdentity:EmailIdentity": 1,
      "aws:iam/user:User": 1,
      "aws:iam/userPolicy:UserPolicy": 1,
      "aws:iam/accessKey:AccessKey": 1,
    });
    assert.equal(await outputValue(result.key.user), "fitnesscrm-unit-mail-1234567");
  });
});
