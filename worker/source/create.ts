import type { NativeSourceOptions } from "./options.ts";
import type { Source } from "./source.ts";
import { createWireSource } from "./wire/source.ts";

export interface SourceOptions extends NativeSourceOptions {
  /** `spec.pulsar.client` */
  readonly client: "Auto" | "Wire" | "Native";
}

/**
 * The source that a resource asks for. Auto is Wire: nothing that only pulsar-client can do is configurable.
 * @throws SourceError (rejects with) ClientMissing when pulsar-client is asked for and not installed, AdminUrlMissing when it is
 * and needs the admin API
 */
export async function createSource({ client, ...options }: SourceOptions): Promise<Source> {
  if (client !== "Native") return createWireSource(options);
  const { createNativeSource } = await import("./native/source.ts");
  return await createNativeSource(options);
}
