/** What files import of each other: read from their text, held to a table of layers, searched for circles. */
import { readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

/** Paths from the root of the project. */
export interface Import {
  readonly from: string;
  readonly to: string;
}

/**
 * Places, and the places that their files may import. `folder/` is all that lies below, `folder/*` the files directly in it,
 * anything else one file. The longest place that holds a file is its own. Files of one folder may import each other.
 */
export type Layers = Readonly<Record<string, readonly string[]>>;

/** What a file imports of the project, be it types or an import at run time. */
export function importsOf(root: string, file: string): Import[] {
  const text = readFileSync(join(root, file), "utf8");
  return [...text.matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+)"/g)].map(([, path]) => ({
    from: file,
    to: normalize(join(dirname(file), path ?? "")),
  }));
}

export function holds(place: string, file: string): boolean {
  if (place.endsWith("/*")) return dirname(file) === place.slice(0, -"/*".length);
  return place.endsWith("/") ? file.startsWith(place) : file === place;
}

/** The imports that the layers do not allow. A file without a place may import nothing but its neighbours. */
export function forbidden(imports: readonly Import[], layers: Layers): Import[] {
  const places = Object.keys(layers).sort((a, b) => b.length - a.length);
  return imports.filter(({ from, to }) => {
    if (dirname(from) === dirname(to)) return false;
    const place = places.find((candidate) => holds(candidate, from));
    const allowed = place === undefined ? [] : (layers[place] ?? []);
    return !allowed.some((other) => holds(other, to));
  });
}

/** Files that import each other in a circle, each circle sorted: the strongly connected components (Tarjan 1972). */
export function circles(imports: readonly Import[]): string[][] {
  const next = new Map<string, string[]>();
  for (const { from, to } of imports) next.set(from, [...(next.get(from) ?? []), to]);
  const order = new Map<string, number>();
  const lowest = new Map<string, number>();
  const path: string[] = [];
  const found: string[][] = [];
  const low = (file: string): number => lowest.get(file) ?? 0;
  const visit = (file: string): void => {
    order.set(file, order.size);
    lowest.set(file, order.size - 1);
    path.push(file);
    for (const to of next.get(file) ?? []) {
      if (!order.has(to)) {
        visit(to);
        lowest.set(file, Math.min(low(file), low(to)));
      } else if (path.includes(to)) {
        lowest.set(file, Math.min(low(file), order.get(to) ?? 0));
      }
    }
    if (low(file) !== order.get(file)) return;
    const circle = path.splice(path.indexOf(file));
    if (circle.length > 1 || next.get(file)?.includes(file)) found.push(circle.toSorted());
  };
  for (const file of next.keys()) if (!order.has(file)) visit(file);
  return found;
}
