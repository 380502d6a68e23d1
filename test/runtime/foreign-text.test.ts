import assert from "node:assert/strict";
import { test } from "node:test";
import { createForeignText, foreignText, printable } from "../../runtime/foreign-text.ts";

const PASSWORD = "Tr0ub4dor&3/+?";

test("credentials that were sent are taken out in every form", () => {
  const foreign = createForeignText();
  foreign.sent(Buffer.from(`admin:${PASSWORD}`));
  const forms = [
    `admin:${PASSWORD}`,
    PASSWORD,
    Buffer.from(`admin:${PASSWORD}`).toString("base64"),
    Buffer.from(PASSWORD).toString("base64").replace(/=+$/, ""),
    Buffer.from(`admin:${PASSWORD}`).toString("base64url"),
    encodeURIComponent(PASSWORD),
    Buffer.from(PASSWORD).toString("hex"),
  ];
  for (const form of forms) assert.equal(foreign.clean(`no user ${form}!`), "no user (credentials)!", form);
  assert.equal(foreign.clean("Role admin has no permission"), "Role admin has no permission");
});

test("what is a token by its form is taken out, though it was never sent", () => {
  const token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl";
  assert.equal(foreignText(`Failed to parse ${token}: expired`), "Failed to parse (credentials): expired");
  assert.equal(foreignText("sent Authorization: Bearer abcdefgh12345678"), "sent Authorization: Bearer (credentials)");
  assert.equal(foreignText("got basic YWRtaW46c2VjcmV0"), "got basic (credentials)");
});

test("the credentials before the last are known too, and no more than a few are kept", () => {
  const foreign = createForeignText();
  for (let index = 0; index < 100; index++) foreign.sent(Buffer.from(`secret-number-${index};`));
  assert.equal(foreign.clean("it was secret-number-98; or secret-number-99;"), "it was (credentials) or (credentials)");
  assert.match(foreign.clean("it was secret-number-1;"), /secret-number-1;/);
});

test("control characters cannot reach a terminal, and one line stays one line", () => {
  assert.equal(printable("a\u001b[2Jb\u0000c\u009b1md\u202ee"), "a\ufffd[2Jb\ufffdc\ufffd1md\ufffde");
  assert.equal(printable("two\nlines"), "two\nlines");
  assert.equal(foreignText("two\r\n\tlines\u0007"), "two lines\ufffd");
});

test("a long text is cut, in time that grows with its length alone", () => {
  assert.equal(foreignText("x".repeat(5_000_000)).length, 300);
  const hostile = ["eyJ", "eyJ-", "-eyJaaaaaaaaa.", "bearer ", "basic aaaaaaaa"];
  const began = performance.now();
  for (const part of hostile) foreignText(part.repeat(1_000_000));
  assert.ok(performance.now() - began < 1_000, `${performance.now() - began} ms`);
});
