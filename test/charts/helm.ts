import { helmProgram } from "../env/kubernetes/binaries.ts";

/** Path of the helm program: HELM, or the one that the local environment builds once. */
export async function helmBinary(): Promise<string> {
  return process.env["HELM"] ?? (await helmProgram((line) => process.stderr.write(`${line}\n`)));
}
