import assert from "node:assert/strict";
import { test } from "node:test";
import { objectKey } from "../../../operator/kube/objects.ts";
import { createStore, type Stored } from "../../../operator/kube/store.ts";

interface Item extends Stored {
  readonly group: string | undefined;
}

function itemStore() {
  const changes: string[] = [];
  const store = createStore<Item>({
    reduce: ({ metadata }) =>
      metadata.labels?.["skip"]
        ? undefined
        : {
            key: objectKey(metadata.namespace, metadata.name),
            resourceVersion: metadata.resourceVersion ?? "",
            group: metadata.labels?.["group"],
          },
    groupOf: ({ group }) => group,
    onChange: (group) => changes.push(group),
  });
  return { store, changes };
}

const object = (name: string, resourceVersion: string, labels: Record<string, string>, namespace = "n") => ({
  metadata: { name, namespace, resourceVersion, labels },
});

test("an object that moves to another group tells both", () => {
  const { store, changes } = itemStore();
  store.put(object("a", "1", { group: "x" }));
  store.put(object("a", "2", { group: "y" }));
  assert.deepEqual(changes, ["x", "x", "y"]);
  assert.deepEqual([store.group("x").length, store.group("y").length], [0, 1]);
});

test("what is seen again unchanged tells nobody", () => {
  const { store, changes } = itemStore();
  store.put(object("a", "1", { group: "x" }));
  store.put(object("a", "1", { group: "x" }));
  assert.deepEqual(changes, ["x"]);
});

test("an object that is no longer of interest is forgotten", () => {
  const { store, changes } = itemStore();
  store.put(object("a", "1", { group: "x" }));
  store.put(object("a", "2", { group: "x", skip: "yes" }));
  assert.equal(store.get("n/a"), undefined);
  assert.deepEqual(changes, ["x", "x"]);
});

test("a whole list of one namespace leaves the other namespaces alone", () => {
  const { store } = itemStore();
  store.put(object("a", "1", { group: "x" }, "one"));
  store.put(object("b", "1", { group: "x" }, "two"));
  store.put(object("c", "1", { group: "x" }, "two"));
  const replacement = store.replacement("two/");
  replacement.add(object("b", "2", { group: "x" }, "two"));
  replacement.commit();
  assert.deepEqual(
    store
      .group("x")
      .map(({ key }) => key)
      .sort(),
    ["one/a", "two/b"],
  );
});
