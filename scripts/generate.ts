/** Writes what is derived from crds/kinesissinks.yaml; with --check compares instead, and exits 1 naming what differs. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { load } from "js-yaml";
import type { StructuralSchema } from "../crds/json-schema.ts";
import { generateReference, type PrinterColumn } from "./generate-reference.ts";
import { generateTypes } from "./generate-types.ts";

const root = path.resolve(import.meta.dirname, "..");
const source = "crds/kinesissinks.yaml";
const banner = `Generated from ${source} by \`make generate\`: edit that file instead.`;

/** The parts of a CustomResourceDefinition that are read here. */
interface ResourceDefinition {
  spec: { versions: { additionalPrinterColumns: PrinterColumn[]; schema: { openAPIV3Schema: StructuralSchema } }[] };
}

/** Contents of every generated file, by path from the root of the repository. */
async function generate(): Promise<Map<string, string>> {
  const text = await readFile(path.join(root, source), "utf8");
  const version = (load(text) as ResourceDefinition).spec.versions[0];
  if (version === undefined) throw new Error(`${source} has no version`);
  const schema = version.schema.openAPIV3Schema;
  const contents = [
    ["crds/kinesissink.generated.ts", await generateTypes(schema, banner)],
    ["crds/schema.generated.json", `${JSON.stringify(schema, null, 1)}\n`],
    ["charts/kinesis-sink-operator/files/crds/kinesissinks.yaml", `# ${banner}\n${text}`],
    ["docs/reference.md", generateReference(schema, version.additionalPrinterColumns, banner)],
  ] as const;
  return new Map(contents);
}

const check = process.argv.includes("--check");
const different: string[] = [];
for (const [name, content] of await generate()) {
  const file = path.join(root, name);
  const present = await readFile(file, "utf8").catch(() => undefined);
  if (present === content) continue;
  different.push(name);
  if (check) continue;
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, content);
  console.log(`wrote ${name}`);
}
if (check && different.length > 0) {
  console.error(`not as ${source} says: ${different.join(", ")}. Run \`make generate\` and commit the result.`);
  process.exitCode = 1;
}
