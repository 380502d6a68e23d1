import { KINESIS_SINKS } from "../../crds/resource.ts";
import { TOKEN_FOLDER } from "../../operator/desired/volumes.ts";
import type { Kube } from "./kube.ts";

/** A request to the API server. */
export interface PodRequest {
  readonly method: "GET" | "POST" | "PATCH" | "PUT" | "DELETE";
  readonly path: string;
  readonly contentType?: string;
  readonly body?: object;
}

export interface PodAnswer {
  readonly status: number;
  /** Of a Status object; empty otherwise. */
  readonly reason: string;
  readonly message: string;
}

/** Runs inside the pod, where there is neither a shell nor a client, with the pod's own token. */
const PROGRAM = `
const { readFileSync } = require("node:fs");
const { request } = require("node:https");
const read = (name) => readFileSync(${JSON.stringify(TOKEN_FOLDER)} + "/" + name, "utf8");
const send = ({ method, path, contentType, body }) => new Promise((resolve, reject) => {
  const headers = { authorization: "Bearer " + read("token").trim(), accept: "application/json" };
  if (contentType) headers["content-type"] = contentType;
  const host = process.env.KUBERNETES_SERVICE_HOST;
  const port = process.env.KUBERNETES_SERVICE_PORT;
  const sent = request({ host, port, method, path, headers, ca: read("ca.crt"), timeout: 20000 }, (answer) => {
    const chunks = [];
    answer.on("data", (chunk) => chunks.push(chunk));
    answer.on("end", () => {
      const { kind, reason = "", message = "" } = JSON.parse(Buffer.concat(chunks).toString());
      resolve({ status: answer.statusCode, ...(kind === "Status" ? { reason, message } : { reason: "", message: "" }) });
    });
  });
  sent.on("error", reject);
  sent.end(body && JSON.stringify(body));
});
(async () => {
  const answers = [];
  for (const one of REQUESTS) answers.push(await send(one));
  console.log(JSON.stringify(answers));
})();
`;

/** Sends requests as a worker pod, one after the other: from within it, with the token that is mounted there. */
export async function requestsFromPod(
  { kubectl }: Kube,
  pod: { readonly namespace: string; readonly name: string },
  requests: readonly PodRequest[],
): Promise<PodAnswer[]> {
  const program = `const REQUESTS = ${JSON.stringify(requests)};\n${PROGRAM}`;
  const args = ["--namespace", pod.namespace, "exec", "--stdin", pod.name, "--", "node", "-"];
  const answers = JSON.parse(await kubectl(args, program)) as PodAnswer[];
  if (answers.length !== requests.length) throw new Error(`${answers.length} answers to ${requests.length} requests`);
  return answers;
}

/** A server-side apply to the status of a sink, as workers report. */
export function applyStatus(
  sink: { namespace: string; name: string },
  fieldManager: string,
  status: object,
): PodRequest {
  const { apiVersion, kind } = KINESIS_SINKS;
  return {
    method: "PATCH",
    path: `${sinkPath(sink)}/status?fieldManager=${fieldManager}&force=true`,
    contentType: "application/apply-patch+yaml",
    body: { apiVersion, kind, metadata: { name: sink.name }, status },
  };
}

export function mergePatch(path: string, body: object): PodRequest {
  return { method: "PATCH", path, contentType: "application/merge-patch+json", body };
}

export function sinkPath({ namespace, name }: { namespace: string; name: string }): string {
  return `/apis/${KINESIS_SINKS.apiVersion}/namespaces/${namespace}/${KINESIS_SINKS.plural}/${name}`;
}
