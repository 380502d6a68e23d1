import { spawn } from "node:child_process";
import { createHash, type Hash } from "node:crypto";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { copyFile, link, mkdir, mkdtemp, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { run } from "../process.ts";

const REPRODUCIBLE = ["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner", "--hard-dereference"];

/** A layer of an image: a gzipped tar file. */
export interface Layer {
  readonly file: string;
  /** SHA-256 of the file, in hex. */
  readonly digest: string;
  /** SHA-256 of the tar before compression, in hex. */
  readonly diffId: string;
}

export interface ImageSpec {
  /** The name that pods use: "localhost/pause:1". */
  readonly name: string;
  readonly layers: readonly Layer[];
  readonly entrypoint: readonly string[];
  readonly command?: readonly string[];
  readonly workingDirectory?: string;
  /** "65532:65532"; root when left out. */
  readonly user?: string;
  readonly env?: readonly string[];
}

const MEDIA = "application/vnd.oci.image";

/** Writes an OCI image archive: what `ctr images import` and `podman load` read. The same input makes the same bytes. */
export async function writeOciArchive(output: string, image: ImageSpec): Promise<void> {
  const config = json({
    architecture: process.arch === "arm64" ? "arm64" : "amd64",
    os: "linux",
    config: {
      Entrypoint: image.entrypoint,
      Env: image.env ?? ["PATH=/usr/local/bin:/usr/bin:/bin"],
      ...(image.command && { Cmd: image.command }),
      ...(image.workingDirectory && { WorkingDir: image.workingDirectory }),
      ...(image.user && { User: image.user }),
    },
    rootfs: { type: "layers", diff_ids: image.layers.map((layer) => `sha256:${layer.diffId}`) },
  });
  const layers = await Promise.all(
    image.layers.map(async ({ file, digest }) => ({
      mediaType: `${MEDIA}.layer.v1.tar+gzip`,
      digest: `sha256:${digest}`,
      size: (await stat(file)).size,
    })),
  );
  const manifest = json({
    schemaVersion: 2,
    mediaType: `${MEDIA}.manifest.v1+json`,
    config: { mediaType: `${MEDIA}.config.v1+json`, digest: `sha256:${sha256(config)}`, size: config.length },
    layers,
  });
  const index = json({
    schemaVersion: 2,
    manifests: [
      {
        mediaType: `${MEDIA}.manifest.v1+json`,
        digest: `sha256:${sha256(manifest)}`,
        size: manifest.length,
        annotations: {
          "io.containerd.image.name": image.name,
          "org.opencontainers.image.ref.name": image.name.split(":").at(-1),
        },
      },
    ],
  });
  const directory = await mkdtemp(join(dirname(output), "oci-"));
  try {
    const blobs = join(directory, "blobs/sha256");
    await mkdir(blobs, { recursive: true });
    await writeFile(join(directory, "oci-layout"), json({ imageLayoutVersion: "1.0.0" }));
    await writeFile(join(directory, "index.json"), index);
    for (const blob of [config, manifest]) await writeFile(join(blobs, sha256(blob)), blob);
    for (const layer of image.layers) await linkOrCopy(layer.file, join(blobs, layer.digest));
    const archive = join(directory, "archive.tar");
    await run("tar", [...REPRODUCIBLE, "-cf", archive, "-C", directory, "oci-layout", "index.json", "blobs"]);
    await rename(archive, output);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Packs a directory as a layer, at `file`. Owners and times are left out, so that the same content makes the same bytes. */
export async function packLayer(root: string, file: string): Promise<Layer> {
  const tar = spawn("tar", [...REPRODUCIBLE, "-cf", "-", "-C", root, "."], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(tar, "close");
  const plain = createHash("sha256");
  const packed = createHash("sha256");
  const digesting = (digest: Hash) =>
    async function* (chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
      for await (const chunk of chunks) {
        digest.update(chunk);
        yield chunk;
      }
    };
  await pipeline(tar.stdout, digesting(plain), createGzip({ level: 1 }), digesting(packed), createWriteStream(file));
  const [code] = await ended;
  if (code !== 0) throw new Error(`tar could not pack ${root} (exit code ${code})`);
  return { file, digest: packed.digest("hex"), diffId: plain.digest("hex") };
}

async function linkOrCopy(from: string, to: string): Promise<void> {
  await link(from, to).catch(() => copyFile(from, to));
}

function json(value: object): Buffer {
  return Buffer.from(JSON.stringify(value));
}

function sha256(content: Buffer): string {
  return createHash("sha256").update(content).digest("hex");
}
