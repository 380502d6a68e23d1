import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileKeys, MissingKeyError, mountedKeys } from "../../worker/secrets.ts";

/** A folder laid out as the kubelet does: `..data` points to the published version, keys point through it. */
async function mount(t: { after(run: () => Promise<void>): void }, name: string, data: Record<string, string>) {
  const root = await mkdtemp(join(tmpdir(), "keys-"));
  t.after(() => rm(root, { recursive: true }));
  const folder = join(root, "secrets", name);
  await mkdir(join(folder, "..v1"), { recursive: true });
  await symlink("..v1", join(folder, "..data"));
  for (const [key, value] of Object.entries(data)) {
    await writeFile(join(folder, "..v1", key), value);
    await symlink(join("..data", key), join(folder, key));
  }
  return mountedKeys(root);
}

const missing =
  (code: string, ...words: string[]) =>
  (error: unknown) =>
    error instanceof MissingKeyError && error.code === code && words.every((word) => error.message.includes(word));

test("a mounted key is read", async (t) => {
  const read = await mount(t, "aws", { key: "value" });
  assert.equal(String(await read({ kind: "Secret", name: "aws", key: "key" })), "value");
});

test("an empty mount means that the Secret is missing, and says which key it needs", async (t) => {
  const read = await mount(t, "aws", {});
  await assert.rejects(
    read({ kind: "Secret", name: "aws", key: "key" }),
    missing("SecretMissing", "Secret aws", "key"),
  );
});

test("a mount with other keys means that the key is missing", async (t) => {
  const read = await mount(t, "aws", { other: "value" });
  await assert.rejects(
    read({ kind: "Secret", name: "aws", key: "key" }),
    missing("SecretKeyMissing", "Secret aws", "no key key"),
  );
});

test("the command line's files stand for keys of Secrets", async (t) => {
  const root = await mkdtemp(join(tmpdir(), "keys-"));
  t.after(() => rm(root, { recursive: true }));
  await writeFile(join(root, "file"), "value");
  const read = fileKeys(
    new Map([
      ["aws/key", join(root, "file")],
      ["aws/gone", join(root, "gone")],
    ]),
  );
  assert.equal(String(await read({ kind: "Secret", name: "aws", key: "key" })), "value");
  await assert.rejects(
    read({ kind: "Secret", name: "aws", key: "other" }),
    missing("SecretMissing", "--secret aws/other=FILE"),
  );
  await assert.rejects(read({ kind: "Secret", name: "aws", key: "gone" }), missing("SecretKeyMissing", "ENOENT"));
});
