import { type KubeObject, objectKey } from "./objects.ts";

/** What a store remembers of an object: its identity, and only what the operator needs. */
export interface Stored {
  readonly key: string;
  readonly resourceVersion: string;
}

export interface Replacement {
  add(object: KubeObject): void;
  /** Swaps the contents; what is not among the added objects is gone. */
  commit(): void;
}

export interface Store<T> {
  get(key: string): T | undefined;
  /** The objects of one group, in no order. */
  group(name: string): T[];
  values(): IterableIterator<T>;
  put(object: KubeObject): void;
  remove(key: string): void;
  /** Collects a whole list. With a prefix, of the keys that begin with it; the others stay. */
  replacement(prefix?: string): Replacement;
}

export interface StoreOptions<T extends Stored> {
  /** Reduces an object to what is kept; undefined keeps nothing of it. */
  readonly reduce: (object: KubeObject) => T | undefined;
  /** The group that an object belongs to. */
  readonly groupOf: (item: T) => string | undefined;
  /** Called with the group of every object that was added, changed or removed. */
  readonly onChange: (group: string, item: T) => void;
}

export function createStore<T extends Stored>(options: StoreOptions<T>): Store<T> {
  const items = new Map<string, T>();
  const groups = new Map<string, Set<string>>();

  const changed = (item: T) => {
    const group = options.groupOf(item);
    if (group !== undefined) options.onChange(group, item);
  };

  const join = (item: T) => {
    const group = options.groupOf(item);
    if (group === undefined) return;
    const members = groups.get(group);
    if (members) members.add(item.key);
    else groups.set(group, new Set([item.key]));
  };

  const leave = (item: T) => {
    const group = options.groupOf(item);
    const members = group === undefined ? undefined : groups.get(group);
    members?.delete(item.key);
    if (group !== undefined && members?.size === 0) groups.delete(group);
  };

  const set = (item: T) => {
    const before = items.get(item.key);
    if (before?.resourceVersion === item.resourceVersion) return;
    if (before) {
      leave(before);
      if (options.groupOf(before) !== options.groupOf(item)) changed(before);
    }
    items.set(item.key, item);
    join(item);
    changed(item);
  };

  const remove = (key: string) => {
    const before = items.get(key);
    if (!before) return;
    items.delete(key);
    leave(before);
    changed(before);
  };

  return {
    get: (key) => items.get(key),
    group: (name) => [...(groups.get(name) ?? [])].flatMap((key) => items.get(key) ?? []),
    values: () => items.values(),
    put: (object) => {
      const item = options.reduce(object);
      if (item) set(item);
      else remove(objectKey(object.metadata.namespace, object.metadata.name));
    },
    remove,
    replacement: (prefix = "") => {
      const fresh = new Map<string, T>();
      return {
        add: (object) => {
          const item = options.reduce(object);
          if (item) fresh.set(item.key, item);
        },
        commit: () => {
          for (const key of [...items.keys()]) if (key.startsWith(prefix) && !fresh.has(key)) remove(key);
          for (const item of fresh.values()) set(item);
        },
      };
    },
  };
}
