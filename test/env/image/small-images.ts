import { copyFile, mkdir, mkdtemp, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { type CacheEntry, cached, hash } from "../cache.ts";
import { type Log, onPath } from "../process.ts";
import { packLayer, writeOciArchive } from "./oci-archive.ts";

const APPLETS = ["cat", "df", "echo", "env", "false", "ls", "nc", "sh", "sleep", "tail", "true", "wget"];

/** The archive of `localhost/pause:1`, which holds the namespaces of each pod. */
export async function packPause(program: string, log: Log): Promise<string> {
  return pack({
    name: "localhost/pause:1",
    key: [basename(dirname(program))],
    entrypoint: ["/pause"],
    fill: (root) => copyFile(program, join(root, "pause")),
    log,
  });
}

/** The archive of `localhost/busybox:1`: a shell and a few commands for test pods, from the machine's static busybox. */
export async function packBusybox(log: Log): Promise<string> {
  const busybox = onPath("busybox") ?? "busybox";
  return pack({
    name: "localhost/busybox:1",
    key: [hash([await readFile(busybox), ...APPLETS])],
    entrypoint: ["/bin/sh"],
    async fill(root) {
      await mkdir(join(root, "bin"));
      await mkdir(join(root, "tmp"), { mode: 0o1777 });
      await copyFile(busybox, join(root, "bin/busybox"));
      await Promise.all(APPLETS.map((applet) => symlink("busybox", join(root, "bin", applet))));
    },
    log,
  });
}

interface SmallImage {
  readonly name: string;
  readonly key: readonly string[];
  readonly entrypoint: readonly string[];
  readonly fill: (root: string) => Promise<void>;
  readonly log: Log;
}

async function pack(image: SmallImage): Promise<string> {
  const entry: CacheEntry = {
    name: `image-${image.name.replace(/^.*\/(.*):.*$/, "$1")}`,
    key: image.key,
    title: `pack image ${image.name}`,
    async fill(directory) {
      const root = await mkdtemp(join(tmpdir(), "image-root-"));
      try {
        await image.fill(root);
        const layer = await packLayer(root, join(directory, "layer"));
        await writeOciArchive(join(directory, "image.tar"), {
          name: image.name,
          layers: [layer],
          entrypoint: image.entrypoint,
        });
        await rm(join(directory, "layer"));
      } finally {
        await rm(root, { recursive: true, force: true });
      }
    },
  };
  return join(await cached(entry, image.log), "image.tar");
}
