import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { circles, forbidden, type Import, importsOf, type Layers } from "./import-graph.ts";

const LAYERS: Layers = {
  "base/": [],
  "base/high/": ["base/*"],
  "app/": ["app/*", "base/"],
  "app/left/": ["base/", "app/*"],
  "app/right/": ["base/", "app/contract.ts"],
  "app/create.ts": ["app/"],
};

/** `a.ts b.ts`: the first imports the second. */
function imports(...lines: readonly string[]): Import[] {
  return lines.map((line) => {
    const [from = "", to = ""] = line.split(" ");
    return { from, to };
  });
}

describe("a table of layers", () => {
  for (const [title, line] of [
    ["siblings", "app/left/a.ts app/right/b.ts"],
    ["what lies above", "base/a.ts app/b.ts"],
    ["a folder below that a contract may not know", "app/contract.ts app/left/a.ts"],
    ["a folder inside of the own one", "base/a.ts base/high/b.ts"],
    ["another file than the one that is named", "app/right/a.ts app/other.ts"],
    ["a folder whose files alone are named", "base/high/a.ts base/low/b.ts"],
    ["a folder whose name begins alike", "app/left/a.ts base-line/b.ts"],
    ["anything from a folder that is in no row", "new/a.ts base/b.ts"],
  ] as const) {
    test(`does not let a file import ${title}`, () => {
      assert.deepEqual(forbidden(imports(line), LAYERS), imports(line));
    });
  }

  test("lets a file import its neighbours and what its longest row names", () => {
    const allowed = imports(
      ...["app/left/a.ts app/left/b.ts", "new/a.ts new/b.ts", "app/left/a.ts base/high/b.ts"],
      ...["app/left/a.ts app/contract.ts", "app/right/a.ts app/contract.ts", "base/high/a.ts base/b.ts"],
      ...["app/create.ts app/left/a.ts", "app/create.ts app/right/b.ts"],
    );
    assert.deepEqual(forbidden(allowed, LAYERS), []);
  });
});

describe("circles", () => {
  test("are found whatever their length, each once", () => {
    const graph = imports(
      ...["a.ts b.ts", "b.ts a.ts", "b.ts c.ts", "c.ts d.ts", "d.ts e.ts", "e.ts c.ts", "x.ts x.ts", "y.ts a.ts"],
    );
    assert.deepEqual(circles(graph).toSorted(), [["a.ts", "b.ts"], ["c.ts", "d.ts", "e.ts"], ["x.ts"]]);
  });

  test("are none where several ways lead to one file", () => {
    assert.deepEqual(circles(imports("a.ts b.ts", "a.ts c.ts", "b.ts d.ts", "c.ts d.ts", "b.ts c.ts")), []);
  });
});

test("imports are read in all their forms", () => {
  const own = importsOf(import.meta.dirname, "import-graph.test.ts");
  assert.deepEqual(
    own.map(({ to }) => to),
    ["import-graph.ts"],
  );
});
