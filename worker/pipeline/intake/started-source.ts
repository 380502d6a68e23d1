import type { Source } from "../../source/source.ts";

/** The source of a pipeline, which is there once the pipeline was started. */
export interface StartedSource {
  started(source: Source): void;
  readonly get: () => Source;
}

export function createStartedSource(): StartedSource {
  let started: Source | null = null;
  return {
    started: (source) => {
      started = source;
    },
    get: () => {
      if (started === null) throw new Error("the pipeline was not started");
      return started;
    },
  };
}
