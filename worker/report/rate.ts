export interface Rate {
  /** Records the counter's value; at most one sample a second is kept. */
  sample(now: number, total: number): void;
  /** Mean growth per second over the window, or over the time since the first sample while that is shorter. */
  perSecond(): number;
}

/** The rate of a growing counter over a sliding window. Times in milliseconds. */
export function createRate(windowMs = 60_000): Rate {
  const samples: { at: number; total: number }[] = [];
  return {
    sample: (now, total) => {
      const last = samples.at(-1);
      if (last !== undefined && samples.length > 1 && now - last.at < 1000) samples.pop();
      samples.push({ at: now, total });
      while (samples.length > 2 && (samples[1]?.at ?? now) <= now - windowMs) samples.shift();
    },
    perSecond: () => {
      const first = samples[0];
      const last = samples.at(-1);
      if (first === undefined || last === undefined || last.at <= first.at) return 0;
      return ((last.total - first.total) * 1000) / (last.at - first.at);
    },
  };
}
