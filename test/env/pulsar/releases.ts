/** The releases of Apache Pulsar that the clients are tested with, in the order of their age. All run on Java 17. */
export interface PulsarRelease {
  readonly version: string;
  /** As which Maven serves it: the distribution, or the broker's own libraries, with the configuration of {@link PULSAR}. */
  readonly from: "distribution" | "libraries";
}

/** The one that everything else is tested with. */
export const PULSAR: PulsarRelease = { version: "4.0.8", from: "distribution" };

/** The last release of the oldest line that is supported, and so the one that differs most. */
const OLDEST: PulsarRelease = { version: "3.0.16", from: "distribution" };

const ALL: readonly PulsarRelease[] = [
  OLDEST,
  { version: "3.3.6", from: "distribution" },
  PULSAR,
  { version: "4.2.4", from: "libraries" },
];

/** All of them where `PULSAR_RELEASES` is `all`; else the usual one and the oldest. */
export function testedReleases(env: NodeJS.ProcessEnv = process.env): readonly PulsarRelease[] {
  return env["PULSAR_RELEASES"] === "all" ? ALL : [OLDEST, PULSAR];
}
