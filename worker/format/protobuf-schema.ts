import type { DecodeValue } from "./primitive.ts";
export function compileProtobuf(_p: ReadonlyMap<string, string>): DecodeValue {
  throw new Error("x");
}
export function compileProtobufNative(_d: string): DecodeValue {
  throw new Error("x");
}
