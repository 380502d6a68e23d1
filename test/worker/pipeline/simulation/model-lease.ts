/** The Lease object of a sink, as the API server keeps it: patches are atomic, and answers can be lost. */
import type { Clock } from "../../../../runtime/clock.ts";
import type { ApiRequest, KubeClient } from "../../../../runtime/kube/client.ts";
import { ApiError, ApiUnreachableError } from "../../../../runtime/kube/errors.ts";
import type { ModelProcess } from "./process.ts";
import type { Random } from "./random.ts";

interface Operation {
  readonly op: "test" | "remove";
  readonly path: string;
  readonly value?: string;
}

export interface ModelLease {
  /** Probability that a request or its answer is lost. */
  fails: number;
  readonly annotations: Readonly<Record<string, string>>;
  clientOf(process: ModelProcess): KubeClient;
}

export function createModelLease(clock: Clock, random: Random, met: (what: string) => void): ModelLease {
  let annotations: Record<string, string> = {};

  function merge(patch: { metadata: { annotations: Record<string, string | null> } }): void {
    for (const [name, value] of Object.entries(patch.metadata.annotations)) {
      if (value === null) delete annotations[name];
      else annotations[name] = value;
    }
  }

  function apply(operations: readonly Operation[]): void {
    const after = { ...annotations };
    for (const { op, path, value } of operations) {
      const name = path.replace("/metadata/annotations/", "").replaceAll("~1", "/");
      if (after[name] === undefined || (op === "test" && after[name] !== value)) {
        throw new ApiError("PATCH", 422, { reason: "Invalid" });
      }
      if (op === "remove") {
        met("a mark that is taken");
        delete after[name];
      }
    }
    annotations = after;
  }

  function execute({ method, contentType, body }: ApiRequest): unknown {
    if (method !== "PATCH") return { metadata: { annotations: { ...annotations } } };
    if (contentType === "application/json-patch+json") apply(body as Operation[]);
    else merge(body as Parameters<typeof merge>[0]);
    return {};
  }

  const lease: ModelLease = {
    fails: 0,
    get annotations() {
      return annotations;
    },
    clientOf: (process) => ({
      request: <T>(request: ApiRequest): Promise<T> => {
        const { promise, resolve, reject } = Promise.withResolvers<T>();
        const lost = new ApiUnreachableError("request", new Error("lost"));
        request.signal?.addEventListener("abort", () => reject(request.signal?.reason));
        clock.timer(random.next() * 40, () => {
          const failing = random.chance(lease.fails);
          if (failing) met("an API server that is not reached");
          // Before it was executed, or after.
          if (failing && random.chance(0.5)) {
            process.run(() => reject(lost));
            return;
          }
          let answer: () => void;
          try {
            const value = execute(request) as T;
            answer = () => (failing ? reject(lost) : resolve(value));
          } catch (error) {
            answer = () => reject(error);
          }
          clock.timer(random.next() * 20, () => process.run(answer));
        });
        return promise;
      },
      open: () => Promise.reject(new Error("not needed")),
      close: () => {},
    }),
  };
  return lease;
}
