import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type Candidates,
  type EngineImage,
  isMeant,
  type Needs,
  removable,
} from "../../../../cli/images/removable";
import { engineImage, pulledImage, sha } from "./engineImage";

const NOTHING: Needs = { references: [], repositories: [] };
const NOW = 1_000_000;
const CANDIDATES: Candidates = { stack: "unit", before: NOW, past: [] };

function ids(images: readonly EngineImage[], needs = NOTHING, candidates = CANDIDATES): string[] {
  return removable(images, candidates, needs).map(({ id }) => id);
}

describe("images that may go (M55)", () => {
  for (const [what, image] of [
    ["an old one of the application", engineImage("aa")],
    [
      "one of the project's own",
      engineImage("aa", { tags: ["fitnesscrm/nginx:0123456789ab"], repository: "fitnesscrm/nginx" }),
    ],
    ["one of ours whose tag went to another one", engineImage("aa", { tags: [] })],
    [
      "one that the engine knows by a digest as well",
      engineImage("aa", { digests: [`fitnesscrm-unit/backend@${sha("aa")}`] }),
    ],
    ["one with two tags of ours", engineImage("aa", { tags: tagged("0123456789ab", "aaaaaaaaaaaa") })],
  ] as const) {
    it(`are ${what}`, () => assert.deepEqual(ids([image]), [image.id]));
  }

  for (const [what, image] of [
    ["what nobody of ours has built", engineImage("aa", { repository: undefined })],
    ["a dangling one of somebody else", engineImage("aa", { tags: [], repository: undefined })],
    ["the base", engineImage("aa", { tags: ["fitnesscrm/base:trixie"], repository: undefined })],
    [
      "another stack's",
      engineImage("aa", {
        tags: ["fitnesscrm-unit-b/backend:0123456789ab"],
        repository: "fitnesscrm-unit-b/backend",
      }),
    ],
    ["what a person gave a name to", engineImage("aa", { tags: [...tagged("0123456789ab"), "keep:me"] })],
    ["what a person gave a tag to", engineImage("aa", { tags: tagged("0123456789ab", "before-the-move") })],
    ["what somebody built on one of ours, label and all", engineImage("aa", { tags: ["theirs:latest"] })],
    ["one that was built a moment ago", engineImage("aa", { touchedAt: NOW })],
    ["one that was pulled for something else", pulledImage("aa")],
  ] as const) {
    it(`are not ${what}`, () => assert.deepEqual(ids([image]), []));
  }

  for (const [what, reference] of [
    ["by its ID", sha("aa")],
    ["by the start of its ID", sha("aa").slice(7, 19)],
    ["by its tag", "fitnesscrm-unit/backend:aa0000000000"],
    ["by a digest that is its ID", `fitnesscrm-unit/backend:aa0000000000@${sha("aa")}`],
  ] as const) {
    it(`are none that is needed ${what}`, () => {
      const [image, other] = [engineImage("aa"), engineImage("bb")];
      assert.deepEqual(ids([image, other], { ...NOTHING, references: [reference] }), [other.id]);
    });
  }

  it("are those that were pulled for a release of this stack, while nothing needs them", () => {
    const image = pulledImage("aa");
    const candidates = { ...CANDIDATES, past: image.digests };
    assert.deepEqual(ids([image, pulledImage("bb")], NOTHING, candidates), [image.id]);
    const running = `registry.example.com/backend:v1@${sha("aa")}`;
    assert.deepEqual(ids([image], { ...NOTHING, references: [running] }, candidates), []);
    const shared = { ...image, digests: [...image.digests, `elsewhere.example.com/b@${sha("aa")}`] };
    assert.deepEqual(ids([shared], NOTHING, candidates), [], "it was pulled by another name as well");
  });

  it("are no pulled ones while another stack may need them", () => {
    const image = pulledImage("aa");
    const candidates = { ...CANDIDATES, past: image.digests };
    assert.deepEqual(ids([image], { ...NOTHING, published: true }, candidates), []);
  });

  it("are none of a repository of which all stay", () => {
    assert.deepEqual(
      ids([engineImage("aa")], { references: [], repositories: ["fitnesscrm-unit/backend"] }),
      [],
    );
  });

  it("come with the youngest first: what an image was built on goes after it", () => {
    const images = [
      engineImage("aa", { touchedAt: 1 }),
      engineImage("bb", { touchedAt: 3 }),
      engineImage("cc"),
    ];
    assert.deepEqual(ids(images), [sha("bb"), sha("aa"), sha("cc")]);
  });

  it("are told by an untagged name as the engine reads it", () => {
    const image = engineImage("aa", { tags: ["localhost:5000/backend:latest"] });
    assert.ok(isMeant(image, "localhost:5000/backend"));
    assert.ok(!isMeant(image, "localhost:5000/backend:v1"));
  });

  it("are never one that is needed or not ours, whatever there is", () => {
    const letter = fc.constantFrom(..."abcdef");
    const tag = fc.constantFrom(
      "fitnesscrm-unit/backend:0123456789ab",
      "fitnesscrm-unit/backend:aaaaaaaaaaaa",
      "fitnesscrm-other/backend:0123456789ab",
      "fitnesscrm/nginx:0123456789ab",
      "fitnesscrm/base:trixie",
      "postgres:17",
    );
    const image = fc.record({
      id: letter.map((each) => sha(each.repeat(8))),
      tags: fc.uniqueArray(tag, { maxLength: 2 }),
      digests: fc.array(
        letter.map((each) => `registry.example.com/backend@${sha(each)}`),
        { maxLength: 1 },
      ),
      repository: fc.constantFrom(
        undefined,
        "fitnesscrm-unit/backend",
        "fitnesscrm-other/backend",
        "fitnesscrm/nginx",
        "fitnesscrm/packages",
      ),
      touchedAt: fc.integer({ min: 0, max: 2 * NOW }),
      bytes: fc.constant(0),
      layers: fc.constant([]),
    });
    const images = fc.uniqueArray(image, { selector: ({ id }) => id });
    const pick = fc.array(fc.nat());
    const repositories = fc.subarray(["fitnesscrm/nginx", "fitnesscrm/packages"]);
    fc.assert(
      fc.property(images, pick, pick, repositories, (all, used, pulled, staying) => {
        const names = all.flatMap(({ id, tags, digests }) => [id, ...tags, ...digests]);
        const at = (index: number): string[] =>
          names.length === 0 ? [] : [names[index % names.length] ?? ""];
        const needs = { references: used.flatMap(at), repositories: staying };
        const past = pulled.flatMap(at);
        for (const chosen of removable(all, { ...CANDIDATES, past }, needs)) {
          const { id, tags, digests, repository, touchedAt } = chosen;
          const own = [id, ...tags, ...digests];
          assert.ok(!needs.references.some((reference) => own.includes(reference)), "it is needed");
          assert.ok(repository === undefined || !staying.includes(repository), "its repository stays");
          assert.ok(touchedAt < NOW, "it is young");
          const isPulled =
            tags.length === 0 && digests.length > 0 && digests.every((one) => past.includes(one));
          const isBuilt =
            repository !== undefined &&
            /^fitnesscrm(-unit)?\//.test(repository) &&
            tags.every((one) => one.startsWith(`${repository}:`));
          assert.ok(isPulled || isBuilt, "it is not ours");
        }
      }),
      { numRuns: 500 },
    );
  });
});

function tagged(...tags: readonly string[]): string[] {
  return tags.map((tag) => `fitnesscrm-unit/backend:${tag}`);
}
