import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A folder for this user alone, for what the library takes as files. It is made with the first file. */
export interface PrivateFiles {
  /** The path of a file with this content; undefined without one. It is replaced as a whole, when it changed. */
  write(name: string, content: Uint8Array | undefined): Promise<string | undefined>;
  /** Removes the folder. */
  remove(): Promise<void>;
}

export function createPrivateFiles(): PrivateFiles {
  const written = new Map<string, string>();
  let folder: Promise<string> | null = null;
  return {
    async write(name, content) {
      if (content === undefined) return undefined;
      folder ??= mkdtemp(join(tmpdir(), "pulsar-client-"));
      const path = join(await folder, name);
      const text = Buffer.from(content).toString("latin1");
      if (written.get(name) === text) return path;
      await writeFile(`${path}.new`, content, { mode: 0o600 });
      await rename(`${path}.new`, path);
      written.set(name, text);
      return path;
    },
    async remove() {
      if (folder !== null) await rm(await folder, { recursive: true, force: true });
    },
  };
}
