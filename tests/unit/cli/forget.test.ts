import assert from "node:assert/strict";
import { without } from "../../../cli/forget";

const resource = (name: string, more: object = {}) => ({ urn: `urn:${name}`, type: `test:${name}`, ...more });
const named =
  (...names: string[]) =>
  ({ urn }: { urn: string }) =>
    names.includes(urn.replace("urn:", ""));

describe("a state without resources that are gone", () => {
  it("keeps the others, and none of them refers to a resource that is not there", () => {
    const { deployment, forgotten } = without(
      {
        resources: [
          resource("bucket"),
          resource("volume"),
          resource("secret", {
            dependencies: ["urn:bucket", "urn:volume"],
            propertyDependencies: { data: ["urn:bucket"], name: null, labels: ["urn:volume"] },
            deletedWith: "urn:bucket",
            replaceWith: ["urn:bucket"],
          }),
          resource("role", { deletedWith: "urn:volume" }),
        ],
      },
      named("bucket"),
    );
    assert.equal(forgotten, 1);
    assert.deepEqual(deployment.resources, [
      resource("volume"),
      resource("secret", {
        dependencies: ["urn:volume"],
        propertyDependencies: { data: [], name: null, labels: ["urn:volume"] },
        replaceWith: [],
      }),
      resource("role", { deletedWith: "urn:volume" }),
    ]);
  });

  it("is the same one when nothing is gone", () => {
    const before = { resources: [resource("volume"), resource("role", { dependencies: ["urn:volume"] })] };
    assert.deepEqual(without(before, named("bucket")), { deployment: before, forgotten: 0 });
  });

  it("is an empty one where there was none", () => {
    assert.deepEqual(without({}, named("bucket")), { deployment: { resources: [] }, forgotten: 0 });
  });
});
