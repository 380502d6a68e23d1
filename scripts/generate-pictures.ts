/** Draws docs/pictures/*.dot as SVG beside them; with --check compares instead, and exits 1 naming what differs. */
import { existsSync, globSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { instance } from "@viz-js/viz";

const folder = path.resolve(import.meta.dirname, "../docs/pictures");
const check = process.argv.includes("--check");
const graphviz = await instance();

/** Graphviz knows how wide the letters of Arial are; the others are as wide. */
const FONTS = "Arial,Helvetica,Liberation Sans,sans-serif";

/** The SVG of a graph in Graphviz' language. @param name of its file, said in a comment */
function draw(name: string, text: string): string {
  return graphviz
    .renderString(text, { format: "svg" })
    .replaceAll('font-family="Arial"', `font-family="${FONTS}"`)
    .replace("<svg ", `<!-- Generated from ${name} by \`make generate\`: edit that file instead. -->\n<svg `);
}

const different: string[] = [];
for (const name of globSync("*.dot", { cwd: folder })) {
  const file = path.join(folder, name.replace(/\.dot$/, ".svg"));
  const present = existsSync(file) ? readFileSync(file, "utf8") : null;
  const wanted = draw(name, readFileSync(path.join(folder, name), "utf8"));
  if (present === wanted) continue;
  different.push(path.basename(file));
  if (check) continue;
  writeFileSync(file, wanted);
  console.log(`wrote docs/pictures/${path.basename(file)}`);
}
if (check && different.length > 0) {
  console.error(`not as its .dot says: ${different.join(", ")}. Run \`make generate\` and commit the result.`);
  process.exitCode = 1;
}
