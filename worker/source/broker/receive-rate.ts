/** Assumed until more was seen, and an eighth of it in any case. Bytes per millisecond. */
const FIRST_RATE = 2_048;
const LEAST_RATE = FIRST_RATE / 8;
/** An answer that takes longer waited behind bytes that were sent before it. Milliseconds. */
const SLOW_MS = 500;
/** Where answers are quick, so much more than what came could have come. */
const GENEROSITY = 2;

/** How fast bytes arrive on a connection, by the answers to pings that wait behind them. Times are of `Clock.now()`. */
export interface ReceiveRate {
  received(bytes: number): void;
  asked(now: number): void;
  /** The oldest question is answered. */
  answered(now: number): void;
  /** Bytes that arrive within so many milliseconds. */
  within(ms: number): number;
}

/** A time, and the bytes received until then. */
interface Reading {
  readonly at: number;
  readonly bytes: number;
}

export function createReceiveRate(): ReceiveRate {
  const questions: Reading[] = [];
  let bytes = 0;
  let rate = FIRST_RATE;
  let last: Reading | null = null;
  const since = (from: Reading, now: number): number => (bytes - from.bytes) / Math.max(1, now - from.at);
  return {
    received: (more) => {
      bytes += more;
    },
    asked: (now) => {
      questions.push({ at: now, bytes });
    },
    answered: (now) => {
      const question = questions.shift();
      if (question === undefined) return;
      if (now - question.at >= SLOW_MS) rate = Math.max(LEAST_RATE, since(question, now));
      else if (last !== null) rate = Math.max(rate, GENEROSITY * since(last, now));
      last = { at: now, bytes };
    },
    within: (ms) => rate * ms,
  };
}
