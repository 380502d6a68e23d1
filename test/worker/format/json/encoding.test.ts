import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { PoisonError } from "../../../../worker/format/format.ts";
import { jsonInUtf8 } from "../../../../worker/format/json/encoding.ts";

const read = (hex: string): string =>
  Buffer.from(jsonInUtf8(Buffer.from(hex.replaceAll(" ", ""), "hex"))).toString("latin1");
const latin1 = (text: string): string => Buffer.from(text).toString("latin1");
const utf16be = (text: string): string => Buffer.from(text, "utf16le").swap16().toString("hex");
const utf32be = (text: string): string =>
  Buffer.from(
    [...text].map((c) => c.codePointAt(0) ?? 0).flatMap((code) => [0, code >> 16, (code >> 8) & 255, code & 255]),
  ).toString("hex");
const utf32le = (text: string): string => Buffer.from(utf32be(text), "hex").swap32().toString("hex");
const TEXT = '["é😀"]';

describe("JSON's encoding", () => {
  for (const [what, hex] of [
    ["UTF-8", Buffer.from(TEXT).toString("hex")],
    ["UTF-8 after a byte order mark", `efbbbf${Buffer.from(TEXT).toString("hex")}`],
    ["UTF-16, big-endian", utf16be(TEXT)],
    ["UTF-16, little-endian", Buffer.from(TEXT, "utf16le").toString("hex")],
    ["UTF-16, big-endian, after a byte order mark", `feff${utf16be(TEXT)}`],
    ["UTF-16, little-endian, after a byte order mark", `fffe${Buffer.from(TEXT, "utf16le").toString("hex")}`],
    ["UTF-32, big-endian", utf32be(TEXT)],
    ["UTF-32, little-endian", utf32le(TEXT)],
    ["UTF-32, big-endian, after a byte order mark", `0000feff${utf32be(TEXT)}`],
    ["UTF-32, little-endian, after a byte order mark", `fffe0000${utf32le(TEXT)}`],
  ] as const) {
    test(`may be ${what}`, () => assert.equal(read(hex), latin1(TEXT)));
  }

  for (const [what, hex, text] of [
    ["a pair of surrogates", "22 eda0bd edb880 22", '"😀"'],
    ["half a pair", "22 eda0bd 78 edb880 22", '"?x?"'],
    ["a character in too many bytes", "22 e09fbf 22", '"\u07ff"'],
    ["a quote in too many bytes", "22 c0a2 22", '"\\u0022"'],
    ["a control character in too many bytes", "22 e0808a 22", '"\\u000a"'],
  ] as const) {
    test(`reads ${what}`, () => assert.equal(read(hex), latin1(text)));
  }

  for (const [what, hex] of [
    ["a byte that begins nothing", "7b7d 80 7b7d"],
    ["a character that is cut off", "7b7d e282"],
    ["a character that another byte breaks off", "7b7d e282 7b7d"],
    ["a lead of five bytes", "7b7d f888808080 7b7d"],
  ] as const) {
    test(`ends with ${what}`, () => assert.equal(read(hex), "{}\xff"));
  }

  test("is poison beyond Unicode, and where a character of UTF-32 is cut off", () => {
    for (const hex of ["0000005b 00110000", "0000005b 00005d"]) {
      assert.throws(
        () => read(hex),
        (error) => error instanceof PoisonError && error.code === "Undecodable",
      );
    }
  });
});
