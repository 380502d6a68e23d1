/**
 * Stages the image's file system into three folders of the directory given, from what changes least to what changes most:
 * base/ (Node.js and its libraries), modules/ (dependencies), app/ (the two programs). The Dockerfile copies them, and the
 * test environment packs them without a container engine, so both make the same image.
 */
import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { stageApp } from "./app.ts";
import { stageBase } from "./base.ts";
import { stageModules } from "./modules.ts";

const [directory] = process.argv.slice(2);
if (directory === undefined) {
  console.error("usage: main.ts DIRECTORY");
  process.exit(2);
}
const checkout = resolve(import.meta.dirname, "../..");
for (const folder of ["base", "modules", "app"]) await mkdir(join(directory, folder), { recursive: true });
await stageBase(join(directory, "base"), process.execPath);
await stageModules(join(directory, "modules"), checkout);
await stageApp(join(directory, "app"), checkout);
