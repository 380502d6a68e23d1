import { closest, distance } from "fastest-levenshtein";

const DIRECTIONS = [
  ...["north", "south", "east", "west", "central"],
  ...["northeast", "northwest", "southeast", "southwest"],
] as const;

/**
 * How AWS names its regions, those to come included: an area, perhaps a part of it, a direction and a number, as in us-west-2,
 * us-gov-east-1 or eusc-de-east-1.
 */
const REGION = new RegExp(`^[a-z]{2,5}(-[a-z]{2,5})?-(${DIRECTIONS.join("|")})-[0-9]{1,2}$`);

export function isRegion(code: string): boolean {
  return REGION.test(code);
}

/** Letters of a direction that may be wrong: two have changed places in `wset`. */
const MOST_WRONG = 2;

/** The code that a text such as `us-wset-2`, `US_WEST_2` or `us west 2` probably means; undefined when it looks like none. */
export function meantRegion(text: string): string | undefined {
  const written = text
    .trim()
    .toLowerCase()
    .replace(/[\s_]+/g, "-");
  // A zone of a region, such as us-west-2a.
  const code = written.replace(/([0-9])[a-z]$/, "$1");
  if (isRegion(code)) return code === text ? undefined : code;
  const parts = /^(.+)-([a-z]+)-?([0-9]{1,2})$/.exec(code);
  const [, area, word = "", number] = parts ?? [];
  const direction = closest(word, [...DIRECTIONS]);
  const meant = `${area}-${direction}-${number}`;
  return distance(word, direction) <= MOST_WRONG && isRegion(meant) ? meant : undefined;
}
