import { execFile } from "node:child_process";
import { chmod, copyFile, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

/** The user that both programs run as; 65532 is the "nonroot" of minimal images. */
export const NON_ROOT = 65532;

const ACCOUNTS = {
  "etc/passwd": `root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:${NON_ROOT}:${NON_ROOT}:nonroot:/home/nonroot:/sbin/nologin\n`,
  "etc/group": `root:x:0:\nnonroot:x:${NON_ROOT}:\n`,
  "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
};
/** The rest of glibc and zlib: Node.js is not linked with them, but native addons and name resolution load them. */
const ON_DEMAND = ["libnss_dns.so.2", "libnss_files.so.2", "libresolv.so.2", "librt.so.1", "libutil.so.1", "libz.so.1"];
const CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt";

/**
 * Stages the lower part of the image under `root`: the Node.js binary at usr/local/bin/node, the shared libraries that it is
 * linked with, certificates, accounts. No shell, no package manager. `node` is the binary to take.
 */
export async function stageBase(root: string, node: string): Promise<void> {
  await copyTo(root, node, "usr/local/bin/node");
  await chmod(join(root, "usr/local/bin/node"), 0o755);
  const { stdout } = await promisify(execFile)("ldd", [node]);
  const linked = [...stdout.matchAll(/(?:=> )?(\/\S+) \(/g)].map((match) => match[1] ?? "");
  const folder = dirname(linked.find((library) => library.includes("libc.so")) ?? "/lib/libc.so.6");
  for (const library of linked) await copyTo(root, library, library);
  for (const name of ON_DEMAND) await copyIfThere(root, join(folder, name));
  await copyIfThere(root, CERTIFICATES);
  for (const [file, content] of Object.entries(ACCOUNTS)) {
    await mkdir(dirname(join(root, file)), { recursive: true });
    await writeFile(join(root, file), content);
  }
  await mkdir(join(root, "tmp"));
  await chmod(join(root, "tmp"), 0o1777);
}

async function copyTo(root: string, from: string, to: string): Promise<void> {
  await mkdir(dirname(join(root, to)), { recursive: true });
  await copyFile(from, join(root, to));
}

async function copyIfThere(root: string, file: string): Promise<void> {
  await copyTo(root, file, file).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
  });
}
