import type { Source } from "./source.ts";
import { createWireSource, type WireSourceOptions } from "./wire/wire.ts";

export interface SourceOptions extends WireSourceOptions {
  /** `spec.pulsar.client` */
  readonly client: "Auto" | "Wire" | "Native";
}

/**
 * The source that a resource asks for. Auto is Wire: nothing that only pulsar-client can do is configurable yet.
 * @throws SourceError (rejects with) ClientMissing when pulsar-client is asked for and not installed
 */
export async function createSource({ client, ...options }: SourceOptions): Promise<Source> {
  if (client !== "Native") return createWireSource(options);
  const { createNativeSource } = await import("./native.ts");
  return await createNativeSource(options);
}
