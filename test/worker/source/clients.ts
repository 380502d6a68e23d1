import { after } from "node:test";
import { loadNativeClient } from "../../../worker/source/native/client.ts";
import { openNativeSource } from "../../../worker/source/native/source.ts";
import type { NativeSourceOptions } from "../../../worker/source/options.ts";
import { type Source, SourceError } from "../../../worker/source/source.ts";
import { createWireSource } from "../../../worker/source/wire/source.ts";

const EXIT_AFTER_MS = 5_000;

/** A way to consume, as the conformance suite sees it. */
export interface TestedClient {
  readonly name: Source["client"];
  readonly create: (options: NativeSourceOptions) => Source;
  /** Why it cannot be tested here; false when it can. */
  readonly skip: string | false;
}

/** Both clients; the native one is skipped where pulsar-client is not installed. */
export async function testedClients(): Promise<readonly [TestedClient, TestedClient]> {
  const wire: TestedClient = { name: "Wire", create: createWireSource, skip: false };
  try {
    const module = await loadNativeClient();
    // Calls that the library never answers would keep the process.
    after(() => void setTimeout(() => process.exit(), EXIT_AFTER_MS).unref());
    // The library logs only as long as the first client of the process is not collected.
    const kept: Source[] = [];
    const create = (options: NativeSourceOptions): Source => {
      const source = openNativeSource(options, module);
      kept.push(source);
      return source;
    };
    return [wire, { name: "Native", create, skip: false }];
  } catch (error) {
    if (!(error instanceof SourceError)) throw error;
    const absent = (): never => {
      throw error;
    };
    return [wire, { name: "Native", create: absent, skip: error.message }];
  }
}
