import type { Json } from "../good-manifest.ts";

/** A manifest that must be refused, before it reaches a cluster and by it. */
export interface BadManifest {
  /** What is wrong with it. */
  readonly name: string;
  /** Merge patch on the good manifest. */
  readonly patch: Json;
  /** Field that the error names. */
  readonly field: string;
  /** Part of the message: what to do. */
  readonly message: string;
  /**
   * What `kubectl apply` prints instead of `field` and `message`, where the API server has words of its own. The twins of
   * CEL rules use the same words.
   */
  readonly server?: readonly string[];
  /** True when only strict clients, as `kubectl` is, have it refused: others get a warning and the field is dropped. */
  readonly strictOnly?: true;
}

export const config = (fields: { readonly [name: string]: Json }): Json => ({ spec: { config: fields } });
export const pulsar = (fields: { readonly [name: string]: Json }): Json => ({ spec: { pulsar: fields } });
