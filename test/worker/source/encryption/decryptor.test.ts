import assert from "node:assert/strict";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { systemClock } from "../../../../runtime/clock.ts";
import { createDecryptor } from "../../../../worker/source/encryption/decryptor.ts";
import { type Defect, type EncryptionContext, SourceError } from "../../../../worker/source/source.ts";
import { decryption, type Encrypted, encryptor, keysOf, rsaKey } from "../wire/encryption.ts";

const PLAIN = Buffer.from("the payload");
const app = rsaKey();
const other = rsaKey();

const contextOf = ({ metadata }: Encrypted): EncryptionContext => ({
  keys: (metadata.encryptionKeys ?? []).map(({ key = "", value }) => ({
    name: key,
    key: value ?? Buffer.alloc(0),
    metadata: new Map(),
  })),
  param: metadata.encryptionParam ?? Buffer.alloc(0),
  algorithm: "",
  compressionType: "NONE",
  uncompressedMessageSize: 0,
  batchSize: null,
});

/** Bytes that are in use. */
function heap(): number {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  return process.memoryUsage().heapUsed;
}

/** Decrypts one payload that was encrypted for `app`, with these keys in the Secret. */
function decrypt(keys: Readonly<Record<string, string>>, change: Partial<EncryptionContext> = {}, payload?: Buffer) {
  const encrypted = encryptor({ app: app.publicKey })(PLAIN);
  const decryptor = createDecryptor(decryption(keys), systemClock);
  return decryptor.decrypt({ ...contextOf(encrypted), ...change }, payload ?? encrypted.payload);
}

function refused(outcome: Buffer | Defect, code: Defect["code"], message: RegExp): void {
  if (Buffer.isBuffer(outcome)) assert.fail("it was decrypted");
  assert.equal(outcome.code, code, outcome.message);
  assert.match(outcome.message, message);
  assert.doesNotMatch(outcome.message, /BEGIN (RSA )?PRIVATE KEY-----\n/);
}

test("data keys of every AES length are read, with private keys of either PEM form", () => {
  const pkcs1 = generateKeyPairSync("rsa", { modulusLength: 2048 });
  for (const length of [16, 24, 32]) {
    const encrypted = encryptor({ app: pkcs1.publicKey }, randomBytes(length))(PLAIN);
    for (const type of ["pkcs1", "pkcs8"] as const) {
      const pem = String(pkcs1.privateKey.export({ type, format: "pem" }));
      const decryptor = createDecryptor(decryption({ app: pem }), systemClock);
      assert.deepEqual(decryptor.decrypt(contextOf(encrypted), encrypted.payload), PLAIN);
    }
  }
});

test("any one of the keys that an entry names will do", () => {
  const encrypted = encryptor({ app: app.publicKey, other: other.publicKey })(PLAIN);
  for (const keys of [{ app: app.pem }, { other: other.pem }, { app: "nonsense", other: other.pem }]) {
    const outcome = createDecryptor(decryption(keys), systemClock).decrypt(contextOf(encrypted), encrypted.payload);
    assert.deepEqual(outcome, PLAIN);
  }
});

test("a key that is not there is named, with the remedy", () => {
  refused(decrypt({ b: other.pem }), "EncryptionKeyMissing", /^Secret keys does not have .* key "app": add it to the/);
  const two = encryptor({ a: app.publicKey, b: app.publicKey })(PLAIN);
  const outcome = createDecryptor(decryption({ c: app.pem }), systemClock).decrypt(contextOf(two), two.payload);
  refused(outcome, "EncryptionKeyMissing", /any of the keys "a", "b"/);
});

test("a key that does not do is named, with what is wrong with it", () => {
  const elliptic = generateKeyPairSync("ec", { namedCurve: "prime256v1" }).privateKey;
  const edwards = generateKeyPairSync("ed25519").privateKey;
  const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const pem = { type: "pkcs8", format: "pem" } as const;
  const locked = privateKey.export({ ...pem, cipher: "aes-256-cbc", passphrase: "hunter2" });
  const expected: readonly [string | Buffer, RegExp][] = [
    [other.pem, /^key "app" of Secret keys does not decrypt the message's data key: store the private key/],
    [elliptic.export(pem), /elliptic-curve key.*RSA/],
    [edwards.export(pem), /type ed25519.*RSA/],
    [locked, /protected by a passphrase/],
    [publicKey.export({ type: "spki", format: "pem" }), /is not a private key in PEM: store an RSA private key/],
    ["hunter2", /is not a private key in PEM/],
    ["", /is not a private key in PEM/],
  ];
  for (const [key, message] of expected) {
    const outcome = decrypt({ app: String(key) });
    refused(outcome, "DecryptionFailed", message);
    assert.doesNotMatch(JSON.stringify(outcome), /hunter2/);
  }
});

test("a payload, tag, vector or data key that was changed is refused", () => {
  const { metadata, payload } = encryptor({ app: app.publicKey })(PLAIN);
  const context = contextOf({ metadata, payload });
  const decryptor = createDecryptor(decryption({ app: app.pem }), systemClock);
  for (let bit = 0; bit < payload.length * 8; bit++) {
    const changed = Buffer.from(payload);
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    refused(decryptor.decrypt(context, changed), "DecryptionFailed", /is not what was encrypted.*"app"/);
  }
  const vector = Buffer.from(context.param);
  vector[0] = (vector[0] ?? 0) ^ 1;
  refused(decryptor.decrypt({ ...context, param: vector }, payload), "DecryptionFailed", /is not what was encrypted/);
  refused(decryptor.decrypt({ ...context, param: Buffer.alloc(16) }, payload), "DecryptionFailed", /16 bytes instead/);
  refused(decryptor.decrypt(context, payload.subarray(0, 15)), "DecryptionFailed", /shorter than its/);
  const keys = [{ name: "app", key: Buffer.alloc(256, 1), metadata: new Map() }];
  refused(
    decryptor.decrypt({ ...context, keys }, payload),
    "DecryptionFailed",
    /does not decrypt the message's data key/,
  );
  const odd = encryptor({ app: app.publicKey }, randomBytes(32));
  assert.ok(Buffer.isBuffer(decryptor.decrypt(contextOf(odd(PLAIN)), odd(PLAIN).payload)) === false);
});

test("a data key is decrypted once for many entries, and again when it may have been taken away", () => {
  let now = 0;
  let reads = 0;
  const map = new Map([["app", app.pem]]);
  const keys = keysOf(map, () => {
    reads += 1;
  });
  const decryptor = createDecryptor({ keys, onFailure: "Fail" }, { ...systemClock, now: () => now });
  const encrypt = encryptor({ app: app.publicKey });
  const outcome = () => {
    const encrypted = encrypt(PLAIN);
    return decryptor.decrypt(contextOf(encrypted), encrypted.payload);
  };
  for (let entry = 0; entry < 100; entry++) assert.deepEqual(outcome(), PLAIN);
  assert.equal(reads, 1);
  map.delete("app");
  map.set("next", other.pem);
  now += 3_600_000;
  refused(outcome(), "EncryptionKeyMissing", /"app"/);
});

test("a key that was missing or wrong is found within a second of its coming", () => {
  let now = 0;
  const map = new Map([["next", other.pem]]);
  const decryptor = createDecryptor({ keys: keysOf(map), onFailure: "Fail" }, { ...systemClock, now: () => now });
  const encrypted = encryptor({ app: app.publicKey })(PLAIN);
  const context = contextOf(encrypted);
  refused(decryptor.decrypt(context, encrypted.payload), "EncryptionKeyMissing", /"app"/);
  assert.equal(decryptor.opens(context), false);
  map.set("app", other.pem);
  now += 1_000;
  refused(decryptor.decrypt(context, encrypted.payload), "DecryptionFailed", /"app"/);
  map.set("app", app.pem);
  now += 1_000;
  assert.equal(decryptor.opens(context), true);
  assert.deepEqual(decryptor.decrypt(context, encrypted.payload), PLAIN);
});

test("without the Secret no entry is judged", () => {
  const { metadata, payload } = encryptor({ app: app.publicKey })(PLAIN);
  const decryptor = createDecryptor({ keys: keysOf(new Map()), onFailure: "Fail" }, systemClock);
  assert.throws(
    () => decryptor.decrypt(contextOf({ metadata, payload }), payload),
    (error) => {
      return error instanceof SourceError && error.code === "SecretMissing";
    },
  );
});

test("an entry that names keys without end costs a few, and its names are cut", () => {
  let reads = 0;
  const keys = keysOf(new Map([["app", app.pem]]), () => {
    reads += 1;
  });
  const decryptor = createDecryptor({ keys, onFailure: "Fail" }, systemClock);
  const names = Array.from({ length: 10_000 }, (_, index) => `${index}${"x".repeat(1_000)}\n`);
  const many = names.map((name) => ({ name, key: Buffer.from([1]), metadata: new Map<string, string>() }));
  const encrypted = encryptor({ app: app.publicKey })(PLAIN);
  const outcome = decryptor.decrypt({ ...contextOf(encrypted), keys: many }, encrypted.payload);
  refused(outcome, "EncryptionKeyMissing", /^[^\n]{1,1000}$/);
  assert.ok(reads <= 32);
});

test("what is remembered of data keys is small, however long they and their names are", () => {
  const decryptor = createDecryptor(decryption({ app: app.pem }), systemClock);
  const encrypted = encryptor({ app: app.publicKey })(PLAIN);
  const before = heap();
  for (let entry = 0; entry < 300; entry++) {
    const long = { name: `app${"x".repeat(100_000)}`, key: Buffer.alloc(1_000_000, entry), metadata: new Map() };
    decryptor.decrypt({ ...contextOf(encrypted), keys: [long] }, encrypted.payload);
  }
  const kept = heap() - before;
  assert.ok(kept < 10_000_000, `${kept} bytes`);
  assert.deepEqual(decryptor.decrypt(contextOf(encrypted), encrypted.payload), PLAIN);
});
