import { type PipelineOptions, settings } from "./options.ts";
import { createOrderedPipeline } from "./ordered/pipeline.ts";
import type { Pipeline } from "./pipeline.ts";
import { createUnorderedPipeline } from "./unordered/pipeline.ts";

/** Ordered pipelines need a source with an Exclusive or Failover subscription, unordered ones a Shared subscription. */
export function createPipeline(options: PipelineOptions): Pipeline {
  return options.ordered ? createOrderedPipeline(settings(options)) : createUnorderedPipeline(settings(options));
}
