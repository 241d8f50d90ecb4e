import assert from "node:assert/strict";
import fc from "fast-check";
import { freedBytes, type HistoryLine, weigh } from "../../../../cli/images/layers";
import { engineImage } from "./engineImage";

describe("what an image's removal frees", () => {
  const base = engineImage("ba", { layers: ["base"], bytes: 100 });
  const packages = [
    ["base", 100],
    ["apt", 50],
  ] as const;

  const weighed = (id: string, layers: readonly (readonly [string, number])[]) => ({
    image: engineImage(id, {
      layers: layers.map(([layer]) => layer),
      bytes: layers.reduce((sum, [, bytes]) => sum + bytes, 0),
    }),
    layers: layers.map(([, bytes]) => bytes),
  });

  it("are the layers that no other image has", () => {
    const old = weighed("aa", [...packages, ["app-1", 7]]);
    const live = weighed("bb", [...packages, ["app-2", 8]]);
    assert.deepEqual(freedBytes([old], [base, live.image]), [7]);
    assert.deepEqual(freedBytes([old], [base]), [57]);
  });

  it("counts a layer of several that go once", () => {
    const [one, two] = [
      weighed("aa", [...packages, ["app-1", 7]]),
      weighed("bb", [...packages, ["app-2", 8]]),
    ];
    assert.deepEqual(freedBytes([one, two], [base]), [57, 8]);
  });

  it("does not take a layer for shared that lies on others", () => {
    const old = weighed("aa", [
      ["other", 3],
      ["app", 7],
    ]);
    const live = weighed("bb", [
      ["base", 100],
      ["app", 7],
    ]);
    assert.deepEqual(freedBytes([old], [live.image]), [10]);
  });

  it("is what it has more than the image that it was built on, where its history does not say", () => {
    const { image } = weighed("aa", [...packages, ["app-1", 7]]);
    assert.deepEqual(freedBytes([{ image, layers: undefined }], [base]), [57]);
  });

  const classic: HistoryLine[] = [
    { bytes: 0, step: '/bin/sh -c #(nop)  CMD ["serve"]' },
    { bytes: 0, step: "/bin/sh -c #(nop)  LABEL fitnesscrm.image=fitnesscrm/nginx" },
    { bytes: 7, step: "/bin/sh -c #(nop) COPY dir:1 in /app " },
    { bytes: 0, step: "/bin/sh -c true" },
    { bytes: 100, step: "" },
  ];
  const buildKit: HistoryLine[] = [
    { bytes: 0, step: 'CMD ["serve"]' },
    { bytes: 0, step: "LABEL fitnesscrm.image=fitnesscrm/nginx" },
    { bytes: 7, step: "COPY . /app # buildkit" },
    { bytes: 0, step: "WORKDIR /app" },
    { bytes: 100, step: "# debian.sh --arch 'amd64' out/" },
  ];
  for (const [builder, history] of Object.entries({ classic, buildKit })) {
    it(`is read from the history of the ${builder} builder, empty layers included`, () => {
      const image = engineImage("aa", { layers: ["base", "nothing", "app"] });
      assert.deepEqual(weigh(image, history).layers, [100, 0, 7]);
      assert.equal(weigh({ ...image, layers: ["base"] }, history).layers, undefined);
    });
  }

  it("is never more than what goes takes, and never less than nothing", () => {
    const layers = fc.array(fc.tuple(fc.constantFrom("a", "b", "c"), fc.nat({ max: 9 })), { maxLength: 4 });
    fc.assert(
      fc.property(fc.array(layers), fc.array(layers), (going, staying) => {
        const gone = going.map((each) => weighed("aa", each));
        const stay = staying.map((each) => weighed("bb", each).image);
        for (const [index, bytes] of freedBytes(gone, stay).entries()) {
          assert.ok(bytes >= 0 && bytes <= (gone[index]?.image.bytes ?? 0));
        }
      }),
    );
  });
});
