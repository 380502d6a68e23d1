/** A soak as a picture: what goes into and out of both pipelines, memory of the workers, and when what was broken. */
import type { Sample } from "./rules.ts";
import type { Soak } from "./run.ts";

const WIDTH = 960;
const LEFT = 64;
const RIGHT = 130;
const PANEL = 150;
const GAP = 46;
const FAULT_ROW = 12;
const COLOURS = ["#1f6feb", "#d1242f", "#1a7f37", "#9a6700", "#8250df"] as const;

interface Line {
  readonly name: string;
  readonly points: readonly (readonly [at: number, value: number])[];
}

export function soakPlot(soak: Soak): string {
  const { samples, faults, options } = soak;
  const end = samples.at(-1)?.at ?? options.seconds;
  const x = (at: number): number => LEFT + ((WIDTH - LEFT - RIGHT) * at) / end;
  const kinds = [...new Set(faults.map(({ kind }) => kind))];
  const faultsTop = 2 * (PANEL + GAP) + 24;
  const height = faultsTop + kinds.length * FAULT_ROW + 40;
  const shades = faults.map(
    ({ from, to }) =>
      `<rect x="${n(x(from))}" y="24" width="${n(Math.max(1, x(to) - x(from)))}" height="${faultsTop - 24}" fill="#8881"/>`,
  );
  const rows = kinds.flatMap((kind, row) => {
    const y = faultsTop + row * FAULT_ROW;
    const bars = faults
      .filter((fault) => fault.kind === kind)
      .map(
        ({ from, to }) =>
          `<rect x="${n(x(from))}" y="${y}" width="${n(Math.max(2, x(to) - x(from)))}" height="8" fill="#888"/>`,
      );
    return [...bars, `<text x="${WIDTH - RIGHT + 8}" y="${y + 8}" font-size="10">${kind}</text>`];
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="11">`,
    `<rect width="${WIDTH}" height="${height}" fill="#fff"/>`,
    ...shades,
    ...panel("messages a second", rates(soak), 24, x),
    ...panel("resident memory, MiB", memory(samples), 24 + PANEL + GAP, x),
    ...rows,
    `<text x="${LEFT}" y="${height - 12}">0</text>`,
    `<text x="${WIDTH - RIGHT}" y="${height - 12}" text-anchor="end">${Math.round(end / 60)} min</text>`,
    "</svg>\n",
  ].join("\n");
}

function n(value: number): string {
  return value.toFixed(1);
}

/** Over ten seconds each, so that single batches do not show. */
function rates({ samples, pipelines }: Soak): Line[] {
  const step = 10;
  const chosen = samples.filter((_, index) => index % step === 0);
  const rate = (of: (sample: Sample) => number): Line["points"] =>
    chosen.slice(1).map((sample, index) => {
      const before = chosen[index] as Sample;
      return [sample.at, (of(sample) - of(before)) / (sample.at - before.at)] as const;
    });
  return [
    { name: "produced", points: rate(({ produced }) => produced) },
    ...pipelines.map(({ mode }, index) => ({ name: mode, points: rate(({ read }) => read[index] ?? 0) })),
  ];
}

function memory(samples: readonly Sample[]): Line[] {
  const names = [...new Set(samples.flatMap(({ workers }) => workers.map(({ name }) => name)))].sort();
  return names.map((name) => ({
    name,
    points: samples.flatMap(({ at, workers }) =>
      workers.filter((worker) => worker.name === name).map(({ rssMiB }) => [at, rssMiB] as const),
    ),
  }));
}

function panel(title: string, lines: readonly Line[], top: number, x: (at: number) => number): string[] {
  const most = roundUp(Math.max(1, ...lines.flatMap(({ points }) => points.map(([, value]) => value))));
  const y = (value: number): number => top + PANEL - (PANEL * Math.max(0, value)) / most;
  const drawn = lines.map(({ points }, index) => {
    const path = points.map(([at, value]) => `${n(x(at))},${n(y(value))}`).join(" ");
    return `<polyline points="${path}" fill="none" stroke="${COLOURS[index % COLOURS.length]}" stroke-width="1.2"/>`;
  });
  const legend = lines.map(
    ({ name }, index) =>
      `<text x="${LEFT + 160 + index * 110}" y="${top - 8}" fill="${COLOURS[index % COLOURS.length]}">${name}</text>`,
  );
  return [
    `<text x="${LEFT}" y="${top - 8}" font-weight="bold">${title}</text>`,
    ...legend,
    `<line x1="${LEFT}" y1="${top + PANEL}" x2="${WIDTH - RIGHT}" y2="${top + PANEL}" stroke="#888"/>`,
    `<text x="${LEFT - 6}" y="${top + 9}" text-anchor="end">${most.toLocaleString("en-US")}</text>`,
    `<text x="${LEFT - 6}" y="${top + PANEL}" text-anchor="end">0</text>`,
    ...drawn,
  ];
}

/** To one, two or five times a power of ten. */
function roundUp(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 5, 10].find((step) => step * power >= value) ?? 10) * power;
}
