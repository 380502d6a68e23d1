import type { SecretValue } from "./connector.ts";

/** A KinesisSink while it is put together, with what is to be said about it. */
export interface Draft {
  /** Sets a field by its path, such as `pulsar.subscription.name` below `spec`. @param comment stands above the field */
  set(path: string, value: unknown, comment?: string): void;
  get(path: string): unknown;
  /** Something that has no field here. */
  note(text: string): void;
  secret(secret: SecretValue): void;
  readonly spec: Readonly<Record<string, unknown>>;
  readonly comments: ReadonlyMap<string, string>;
  readonly notes: readonly string[];
  readonly secrets: readonly SecretValue[];
}

type Node = Record<string, unknown>;

export function createDraft(): Draft {
  return new SpecDraft();
}

class SpecDraft implements Draft {
  readonly #spec: Node = {};
  readonly #comments = new Map<string, string>();
  readonly #notes: string[] = [];
  readonly #secrets: SecretValue[] = [];

  get spec(): Readonly<Node> {
    return this.#spec;
  }

  get comments(): ReadonlyMap<string, string> {
    return this.#comments;
  }

  get notes(): readonly string[] {
    return this.#notes;
  }

  get secrets(): readonly SecretValue[] {
    return this.#secrets;
  }

  set(path: string, value: unknown, comment?: string): void {
    const names = path.split(".");
    const last = names.pop() ?? "";
    let node = this.#spec;
    for (const name of names) {
      node[name] ??= {};
      node = node[name] as Node;
    }
    node[last] = value;
    if (comment !== undefined) this.#comments.set(path, comment);
  }

  get(path: string): unknown {
    return path.split(".").reduce<unknown>((node, name) => (node as Node | undefined)?.[name], this.#spec);
  }

  note(text: string): void {
    this.#notes.push(text);
  }

  secret(secret: SecretValue): void {
    this.#secrets.push(secret);
  }
}
