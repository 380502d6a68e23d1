import { asFields, type Fields } from "./values.ts";

/** One property of a connector. */
export interface Property {
  /** Its name in the input, for comments. */
  readonly written: string;
  readonly value: unknown;
}

/** A connector's properties by the names that Pulsar IO gives them, whatever the input calls them. */
export interface Properties {
  /** The value of a property, which is then dealt with; undefined where it is absent or null. */
  take(name: string): Property | undefined;
  /** Those that nobody took. */
  rest(): readonly Property[];
}

/** How a connector's workers reach Pulsar, as far as the input tells. */
export interface PulsarSide {
  readonly serviceUrl?: string;
  readonly adminUrl?: string;
  readonly auth?: Fields;
  readonly tls?: Fields;
  /** Where the address is, for whoever has to look it up. */
  readonly where: string;
  /** Credentials that were in the input itself. */
  readonly secrets: readonly SecretValue[];
  readonly notes: readonly string[];
}

/** A value that belongs in a Secret. */
export interface SecretValue {
  readonly name: string;
  readonly key: string;
  readonly value: string;
}

export interface Connector {
  /** What it is, for the first comment. */
  readonly origin: "Pulsar IO" | "Function Mesh" | "a PulsarSink";
  readonly name: string;
  /** The namespace of its Kubernetes resource. */
  readonly namespace: string | undefined;
  readonly properties: Properties;
  readonly pulsar: PulsarSide;
}

/**
 * @param given the properties as they are in the input
 * @param names Pulsar IO's name of those that are called otherwise
 */
export function createProperties(given: Fields, names: ReadonlyMap<string, string> = new Map()): Properties {
  const left = new Map<string, Property>();
  for (const [written, value] of Object.entries(given)) {
    if (value === null || value === undefined || isEmpty(value)) continue;
    left.set(names.get(written) ?? written, { written, value });
  }
  return {
    take: (name) => {
      const property = left.get(name);
      left.delete(name);
      return property;
    },
    rest: () => [...left.values()],
  };
}

/** As `pulsar-admin` prints what was never given. */
function isEmpty(value: unknown): boolean {
  if (value === "") return true;
  return Array.isArray(value)
    ? value.length === 0
    : typeof value === "object" && Object.keys(asFields(value)).length === 0;
}
