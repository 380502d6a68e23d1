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
  return new GroupedStore(options);
}

class GroupedStore<T extends Stored> implements Store<T> {
  readonly #options: StoreOptions<T>;
  readonly #items = new Map<string, T>();
  /** Keys of the objects, by group. */
  readonly #groups = new Map<string, Set<string>>();

  constructor(options: StoreOptions<T>) {
    this.#options = options;
  }

  get(key: string): T | undefined {
    return this.#items.get(key);
  }

  group(name: string): T[] {
    return [...(this.#groups.get(name) ?? [])].flatMap((key) => this.#items.get(key) ?? []);
  }

  values(): IterableIterator<T> {
    return this.#items.values();
  }

  put(object: KubeObject): void {
    const item = this.#options.reduce(object);
    if (item) this.#set(item);
    else this.remove(objectKey(object.metadata.namespace, object.metadata.name));
  }

  remove(key: string): void {
    const before = this.#items.get(key);
    if (!before) return;
    this.#items.delete(key);
    this.#leave(before);
    this.#changed(before);
  }

  replacement(prefix = ""): Replacement {
    const fresh = new Map<string, T>();
    return {
      add: (object) => {
        const item = this.#options.reduce(object);
        if (item) fresh.set(item.key, item);
      },
      commit: () => {
        for (const key of [...this.#items.keys()]) if (key.startsWith(prefix) && !fresh.has(key)) this.remove(key);
        for (const item of fresh.values()) this.#set(item);
      },
    };
  }

  #set(item: T): void {
    const { groupOf } = this.#options;
    const before = this.#items.get(item.key);
    if (before?.resourceVersion === item.resourceVersion) return;
    if (before) {
      this.#leave(before);
      if (groupOf(before) !== groupOf(item)) this.#changed(before);
    }
    this.#items.set(item.key, item);
    this.#join(item);
    this.#changed(item);
  }

  #join(item: T): void {
    const group = this.#options.groupOf(item);
    if (group === undefined) return;
    const members = this.#groups.get(group);
    if (members) members.add(item.key);
    else this.#groups.set(group, new Set([item.key]));
  }

  #leave(item: T): void {
    const group = this.#options.groupOf(item);
    const members = group === undefined ? undefined : this.#groups.get(group);
    members?.delete(item.key);
    if (group !== undefined && members?.size === 0) this.#groups.delete(group);
  }

  #changed(item: T): void {
    const group = this.#options.groupOf(item);
    if (group !== undefined) this.#options.onChange(group, item);
  }
}
