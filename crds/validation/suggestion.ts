import { closest, distance } from "fastest-levenshtein";

/** The choice that was probably meant: the same but for capitals, or few letters away. Undefined when none is near. */
export function suggestion(word: string, choices: readonly string[]): string | undefined {
  if (choices.length === 0) return undefined;
  const sameLetters = choices.find((choice) => choice.toLowerCase() === word.toLowerCase());
  const best = sameLetters ?? closest(word, [...choices]);
  return sameLetters !== undefined || distance(word, best) <= Math.max(1, word.length / 3) ? best : undefined;
}
