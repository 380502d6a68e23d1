import { UsageError } from "./io.ts";

/** `NAME/KEY=FILE` of each. The text is not quoted: somebody may have given the secret itself. @throws UsageError */
export function secretFiles(given: readonly string[]): ReadonlyMap<string, string> {
  return new Map(
    given.map((text): [string, string] => {
      const [, key, file] = /^([^/=]+\/[^/=]+)=(.+)$/.exec(text) ?? [];
      if (key === undefined || file === undefined) throw new UsageError("--secret takes NAME/KEY=FILE");
      return [key, file];
    }),
  );
}

/** @throws UsageError */
export function port(text: string): number {
  const number = Number(text);
  if (!/^[0-9]+$/.test(text) || number > 65_535) throw new UsageError(`${text} is not a port`);
  return number;
}

/** @throws UsageError */
export function seconds(text: string): number {
  const number = Number(text);
  if (!(number > 0 && number <= 3600)) throw new UsageError(`${text} is no number of seconds from 1 to 3600`);
  return number;
}
