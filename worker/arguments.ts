import { parseArgs } from "node:util";

export type RunMode =
  | {
      readonly kind: "pod";
      /** The operator's copy of the manifest. */
      readonly config: string;
      /** Folder below which Secrets and ConfigMaps are mounted. */
      readonly keys: string;
      /** Folder with the token and CA for the API server. */
      readonly apiCredentials: string;
      readonly httpPort: number;
    }
  | {
      /** Deletes the subscription of a sink that is deleted, and ends. */
      readonly kind: "unsubscribe";
      readonly config: string;
      readonly keys: string;
    }
  | {
      readonly kind: "local";
      readonly manifest: string;
      /** `NAME/KEY` → file. */
      readonly secrets: ReadonlyMap<string, string>;
      readonly httpPort: number | null;
    };

export class UsageError extends Error {
  override readonly name = "UsageError";
  readonly code = "Usage";
}

export const USAGE = `usage: npm run worker -- -f sink.yaml [--secret NAME/KEY=FILE]... [--http-port PORT]

Runs one worker of a KinesisSink outside Kubernetes and shows its report.

  -f, --file FILE          manifest with the KinesisSink
  --secret NAME/KEY=FILE   file that stands for a key of a Secret or ConfigMap; may be repeated
  --http-port PORT         serve /livez, /readyz and /metrics on this port of the loopback interface
`;

/** @throws UsageError */
export function parseArguments(args: readonly string[]): RunMode {
  const values = parse(args);
  if (values.unsubscribe === true) {
    return {
      kind: "unsubscribe",
      config: required(values.config, "--config"),
      keys: required(values.keys, "--keys"),
    };
  }
  if (values.config !== undefined) {
    return {
      kind: "pod",
      config: values.config,
      keys: required(values.keys, "--keys"),
      apiCredentials: required(values["api-credentials"], "--api-credentials"),
      httpPort: port(required(values["http-port"], "--http-port")),
    };
  }
  return {
    kind: "local",
    manifest: required(values.file, "-f"),
    secrets: new Map((values.secret ?? []).map(secretFile)),
    httpPort: values["http-port"] === undefined ? null : port(values["http-port"]),
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        file: { type: "string", short: "f" },
        secret: { type: "string", multiple: true },
        config: { type: "string" },
        keys: { type: "string" },
        "api-credentials": { type: "string" },
        "http-port": { type: "string" },
        unsubscribe: { type: "boolean" },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function required(value: string | undefined, name: string): string {
  if (value === undefined || value === "") throw new UsageError(`${name} is missing`);
  return value;
}

function secretFile(text: string): [string, string] {
  const match = /^([^/=]+\/[^/=]+)=(.+)$/.exec(text);
  const [, key, file] = match ?? [];
  // The text is not quoted: somebody may have given the secret itself.
  if (key === undefined || file === undefined) throw new UsageError("--secret takes NAME/KEY=FILE");
  return [key, file];
}

function port(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 0 || number > 65_535) throw new UsageError(`${text} is not a port`);
  return number;
}
