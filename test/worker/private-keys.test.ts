import assert from "node:assert/strict";
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { filePrivateKeys, mountedPrivateKeys } from "../../worker/private-keys.ts";

async function folder(t: TestContext): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), "private-keys-"));
  t.after(() => rm(root, { recursive: true }));
  return root;
}

/** Publishes a version of a Secret as the kubelet does: `..data` is replaced at once, keys point through it. */
async function publish(root: string, secret: string, version: string, data: Record<string, string>): Promise<void> {
  const directory = join(root, "secrets", secret);
  await mkdir(join(directory, version), { recursive: true });
  for (const [key, value] of Object.entries(data)) {
    await writeFile(join(directory, version, key), value);
    await symlink(join("..data", key), join(directory, key)).catch(() => undefined);
  }
  await symlink(version, join(directory, "..new"));
  await rename(join(directory, "..new"), join(directory, "..data"));
}

test("a key is found by its name, and anew after the Secret was rotated", async (t) => {
  const root = await folder(t);
  await publish(root, "keys", "..v1", { app: "first" });
  const keys = mountedPrivateKeys(root)("keys");
  keys.check();
  assert.equal(String(keys.read("app")), "first");
  await publish(root, "keys", "..v2", { app: "second", "app-2.pem": "other" });
  assert.equal(String(keys.read("app")), "second");
  assert.equal(String(keys.read("app-2.pem")), "other");
});

test("a Secret that does not exist, or is empty, is told from one without the key", async (t) => {
  const root = await folder(t);
  const keys = mountedPrivateKeys(root)("keys");
  const missing = { code: "SecretMissing", message: /^Secret keys does not exist or is empty: create it/ };
  assert.throws(() => keys.check(), missing);
  await publish(root, "keys", "..v1", {});
  assert.throws(() => keys.check(), missing);
  assert.throws(() => keys.read("app"), missing);
  await publish(root, "keys", "..v2", { other: "x" });
  keys.check();
  assert.throws(() => keys.read("app"), { code: "SecretKeyMissing" });
});

test("a producer's name for a key is no path to other files", async (t) => {
  const root = await folder(t);
  await publish(root, "keys", "..v1", { app: "x" });
  await publish(root, "aws", "..v1", { credentials: "of another Secret" });
  const keys = mountedPrivateKeys(root)("keys");
  for (const name of ["../aws/credentials", "..v1/app", "..data", "..", ".", "", "a/b", "app\0", "/etc/hostname"]) {
    assert.throws(() => keys.read(name), { code: "SecretKeyMissing" }, name);
  }
});

test("the command line's files stand for the keys of a Secret", async (t) => {
  const root = await folder(t);
  await writeFile(join(root, "file"), "pem");
  const open = filePrivateKeys(
    new Map([
      ["keys/app", join(root, "file")],
      ["keys/gone", join(root, "gone")],
    ]),
  );
  const keys = open("keys");
  keys.check();
  assert.equal(String(keys.read("app")), "pem");
  assert.throws(() => keys.read("gone"), { code: "SecretKeyMissing" });
  assert.throws(() => keys.read("other"), { code: "SecretKeyMissing" });
  const other = { code: "SecretMissing", message: /--secret others\/ENCRYPTION-KEY-NAME=FILE/ };
  assert.throws(() => open("others").check(), other);
});
