import { type Source, SourceError } from "./source.ts";
import { createWireSource, type WireSourceOptions } from "./wire/wire.ts";

export interface SourceOptions extends WireSourceOptions {
  /** `spec.pulsar.client` */
  readonly client: "Auto" | "Wire" | "Native";
}

/**
 * The source that a resource asks for. Auto is Wire: nothing that only pulsar-client can do is configurable.
 * @throws SourceError (rejects with) ClientMissing when pulsar-client is asked for and not installed, or cannot do it
 */
export async function createSource({ client, ...options }: SourceOptions): Promise<Source> {
  if (client !== "Native") return createWireSource(options);
  if (options.decryption) {
    throw new SourceError(
      "ClientMissing",
      "spec.pulsar.encryption needs spec.pulsar.client Wire or Auto: change the client, or remove encryption",
    );
  }
  const { createNativeSource } = await import("./native.ts");
  return await createNativeSource(options);
}
