import type { Target } from "../target.ts";
import { openAnswers } from "./answers.ts";
import { chunks } from "./chunks.ts";
import { entries } from "./entries.ts";
import { messages, schemas } from "./formats.ts";
import { frames } from "./frames.ts";

/** Every reader of foreign bytes, each with a generator of its own. */
export async function openTargets(): Promise<readonly Target<unknown>[]> {
  const all = [frames, entries, chunks, messages, schemas, await openAnswers()];
  return all as unknown as readonly Target<unknown>[];
}
