import type { Choices } from "./choices.ts";

/** Takes thread CPU time of what would be one turn of a worker's event loop. */
export interface Meter {
  turn<T>(work: () => T): T;
  /** For what waits in between. */
  turns<T>(work: () => Promise<T>): Promise<T>;
}

/** Something that reads what others wrote. */
export interface Target<T> {
  readonly name: string;
  generate(choices: Choices): T;
  /** What the input consists of, by the names of the parts, to be shown. */
  parts(input: T): Readonly<Record<string, Buffer | string>>;
  /**
   * Reads the input. Throws whatever the reader does not throw by contract; returns the outcome in a word or two.
   */
  run(input: T, meter: Meter): Promise<string> | string;
  /** Thread CPU milliseconds that one turn may take. */
  allowedMillis(input: T): number;
  close?(): Promise<void>;
}

/** A reader broke its word. */
export class Broken extends Error {
  override readonly name = "Broken";
}

export function ensure(holds: boolean, what: string): void {
  if (!holds) throw new Broken(what);
}

/** Of a turn, thread CPU milliseconds: a decoder of the protocol has one frame or one entry before it. */
export const TURN_MILLIS = 250;

export interface Measured {
  /** Of the longest turn. */
  readonly millis: number;
  readonly outcome: string;
  readonly error: unknown;
}

/** Runs one input. */
export async function measured<T>(target: Target<T>, input: T): Promise<Measured> {
  let millis = 0;
  const since = (before: NodeJS.CpuUsage): void => {
    const { user, system } = process.threadCpuUsage(before);
    millis = Math.max(millis, (user + system) / 1000);
  };
  const meter: Meter = {
    turn(work) {
      const before = process.threadCpuUsage();
      try {
        return work();
      } finally {
        since(before);
      }
    },
    async turns(work) {
      const before = process.threadCpuUsage();
      try {
        return await work();
      } finally {
        since(before);
      }
    },
  };
  try {
    const outcome = await target.run(input, meter);
    return { millis, outcome, error: null };
  } catch (error) {
    return { millis, outcome: "", error };
  }
}
