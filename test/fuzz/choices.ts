import { createRandom } from "../worker/pipeline/simulation/random.ts";

/**
 * The numbers that a generator of inputs asks for. They are written down as a tape: the same tape makes the same input, and
 * a tape that is shorter or has smaller numbers a simpler one, which is still a sound work of its generator.
 */
export class Choices {
  readonly tape: number[] = [];
  readonly #draw: (below: number) => number;

  constructor(draw: (below: number) => number) {
    this.#draw = draw;
  }

  /** A whole number from 0 to below `bound`; what is simplest should be 0. */
  below(bound: number): number {
    const drawn = this.#draw(bound);
    this.tape.push(drawn);
    return drawn;
  }

  /** False is the simpler one. */
  chance(probability: number): boolean {
    return this.below(1000) >= 1000 * (1 - probability);
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }

  /** 1, 2, 4, … up to 2 to the power of `exponent`, or something in between. */
  magnitude(exponent: number): number {
    const power = 2 ** this.below(exponent + 1);
    return power + this.below(power);
  }

  /** Mostly a few, sometimes up to 2 to the power of `exponent` and more. */
  count(exponent: number): number {
    return this.chance(0.15) ? this.magnitude(exponent) : 1 + this.below(64);
  }

  bytes(most: number): Buffer {
    return Buffer.from(Array.from({ length: this.below(most + 1) }, () => this.below(256)));
  }
}

export function seeded(seed: number): Choices {
  const { next } = createRandom(seed);
  return new Choices((below) => Math.floor(next() * below));
}

/** Zeros follow the end of the tape. */
export function replayed(tape: readonly number[]): Choices {
  let at = 0;
  return new Choices((below) => Math.min(tape[at++] ?? 0, below - 1));
}

/**
 * A tape with which `fails` still holds, as short and as small as `budget` tries find it: without parts, with zeros for parts,
 * with halved numbers.
 */
export async function minimized(
  tape: readonly number[],
  fails: (tape: readonly number[]) => Promise<boolean>,
  budget: number,
): Promise<readonly number[]> {
  let best = tape;
  let left = budget;
  const attempt = async (candidate: readonly number[]): Promise<boolean> => {
    if (left <= 0) return false;
    left -= 1;
    if (!(await fails(candidate))) return false;
    best = candidate;
    return true;
  };
  for (let size = Math.ceil(tape.length / 2); size >= 1 && left > 0; size = Math.floor(size / 2)) {
    for (let at = 0; at < best.length && left > 0; ) {
      const without = best.toSpliced(at, size);
      const zeroed = best.map((value, index) => (index >= at && index < at + size ? 0 : value));
      if (await attempt(without)) continue;
      if (zeroed.some((value, index) => value !== best[index])) await attempt(zeroed);
      at += size;
    }
  }
  for (let at = 0; at < best.length && left > 0; at++) {
    for (let value = best[at] ?? 0; value > 0 && left > 0; value = Math.floor(value / 2)) {
      if (!(await attempt(best.with(at, Math.floor(value / 2))))) break;
    }
  }
  return best;
}
