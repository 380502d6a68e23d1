/** The pages tell the truth about the tree: what they name is there, and what they point to can be opened. */
import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { test } from "node:test";

const ROOT = join(import.meta.dirname, "../..");
const ARCHITECTURE = "docs/architecture.md";
const pages = globSync(["*.md", "docs/**/*.md", "charts/**/*.md"], { cwd: ROOT });
const decisions = globSync("docs/decisions/0*.md", { cwd: ROOT }).toSorted();

function read(page: string): string {
  return readFileSync(join(ROOT, page), "utf8");
}

/** Paths from the root of the repository, files and folders. */
function pathsNamed(text: string): string[] {
  const named = /(?<![\w./$-])(?:crds|operator|worker|runtime|charts|test|docs|scripts)\/[\w./*-]*/g;
  return [...text.matchAll(named)].map(([path]) => path.replace(/\.$/, ""));
}

/** Targets of links and pictures that lie in the repository. */
function targets(text: string): string[] {
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = ""]) => target)
    .filter((target) => !/^\w+:/.test(target));
}

/** The anchors that GitHub gives to a page's headings. */
function anchors(text: string): string[] {
  const seen = new Map<string, number>();
  const headings = text.replace(/^```.*?^```$/gms, "").matchAll(/^#+ (.*)$/gm);
  return [...headings].map(([, heading = ""]) => {
    const words = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").toLowerCase();
    const slug = words.replace(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-");
    const times = seen.get(slug) ?? 0;
    seen.set(slug, times + 1);
    return times === 0 ? slug : `${slug}-${times}`;
  });
}

/** What is wrong with a link of a page; undefined when nothing is. */
function broken(page: string, target: string): string | undefined {
  const [path = "", anchor] = target.split("#", 2);
  const file = path === "" ? page : join(dirname(page), path);
  if (!existsSync(join(ROOT, file))) return `${page} points to ${target}, which does not exist`;
  if (anchor === undefined || anchors(read(file)).includes(anchor)) return undefined;
  return `${page} points to ${target}, and ${file} has no such heading`;
}

// What changed may be gone by now.
for (const page of pages.filter((name) => name !== "CHANGELOG.md")) {
  test(`${page} names files and folders that exist`, () => {
    const missing = pathsNamed(read(page)).filter((path) => globSync(path, { cwd: ROOT }).length === 0);
    assert.deepEqual([...new Set(missing)], []);
  });
}

for (const page of pages) {
  test(`${page} points to pages and headings that exist`, () => {
    const wrong = targets(read(page)).flatMap((target) => broken(page, target) ?? []);
    assert.deepEqual(wrong, []);
  });
}

test("the architecture names many files, and its pictures are drawn", () => {
  assert.ok(pathsNamed(read(ARCHITECTURE)).filter((path) => path.endsWith(".ts")).length > 50);
  assert.equal(targets(read(ARCHITECTURE)).filter((target) => target.endsWith(".svg")).length, 2);
});

test("every invariant that the code cites is stated", () => {
  const stated = [...read(ARCHITECTURE).matchAll(/^\| \*\*(I\d)\*\* \|/gm)].map(([, name]) => name);
  assert.deepEqual(stated, ["I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8", "I9"]);
  const files = globSync(["crds/**/*.ts", "operator/**/*.ts", "runtime/**/*.ts", "worker/**/*.ts"], { cwd: ROOT });
  const cited = files.flatMap((file) => [...read(file).matchAll(/\((I\d+)\)/g)].map(([, name]) => name));
  assert.ok(cited.length > 0);
  assert.deepEqual(
    cited.filter((name = "") => !stated.includes(name)),
    [],
  );
});

test("decisions are numbered without a gap, and the index has each under its title", () => {
  const index = read("docs/decisions/README.md");
  for (const [position, page] of decisions.entries()) {
    const number = position + 1;
    assert.ok(basename(page).startsWith(`${String(number).padStart(4, "0")}-`), page);
    const title = /^# (\d+)\. (.*)$/m.exec(read(page));
    assert.equal(title?.[1], String(number), page);
    assert.ok(index.includes(`| ${number} | [${title[2]}](${basename(page)}) |`), `${page} is not in the index`);
  }
});

for (const page of decisions) {
  test(`${basename(page)} says the context, the decision, why, and what follows`, () => {
    const parts = [...read(page).matchAll(/^\*\*(.*?)\.\*\* /gm)].map(([, name]) => name);
    assert.deepEqual(parts, ["Context", "Decision", "Why", "Consequence"]);
  });
}
