import assert from "node:assert/strict";
import { test } from "node:test";
import { createEventRecorder, type EventNote } from "../../../operator/kube/events.ts";
import type { ApiRequest, KubeClient } from "../../../runtime/kube/client.ts";
import { ApiError } from "../../../runtime/kube/errors.ts";
import { createLogger } from "../../../runtime/log.ts";
import { createVirtualClock } from "../../clock.ts";

const SUBJECT = {
  apiVersion: "pulsar-kinesis.io/v1alpha1",
  kind: "KinesisSink",
  namespace: "n",
  name: "orders",
  uid: "1",
};
const NOTE: EventNote = { type: "Warning", reason: "StreamNotFound", action: "Reconcile", note: "create it" };
const FOREVER = new AbortController().signal;

function recorder(refuse: (request: ApiRequest) => ApiError | undefined = () => undefined) {
  const requests: ApiRequest[] = [];
  const client: KubeClient = {
    request: async <T>(request: ApiRequest) => {
      requests.push(request);
      const error = refuse(request);
      if (error) throw error;
      return {} as T;
    },
    open: () => assert.fail("events are not watched here"),
    close: () => {},
  };
  const clock = createVirtualClock();
  const logger = createLogger({ program: "test", level: "error" });
  return { clock, requests, events: createEventRecorder({ client, clock, logger, reportingInstance: "operator-0" }) };
}

test("an equal event continues the series, another one is new", async () => {
  const { clock, events, requests } = recorder();
  await events.record(SUBJECT, NOTE, FOREVER);
  await clock.advance(60_000);
  await events.record(SUBJECT, NOTE, FOREVER);
  await events.record(SUBJECT, NOTE, FOREVER);
  await events.record(SUBJECT, { ...NOTE, reason: "AccessDenied" }, FOREVER);
  assert.deepEqual(
    requests.map(({ method }) => method),
    ["POST", "PATCH", "PATCH", "POST"],
  );
  assert.deepEqual(requests[2]?.body, { series: { count: 3, lastObservedTime: "2026-01-01T00:01:00.000000Z" } });
});

test("a series ends after six quiet minutes", async () => {
  const { clock, events, requests } = recorder();
  await events.record(SUBJECT, NOTE, FOREVER);
  await clock.advance(7 * 60_000);
  await events.record(SUBJECT, NOTE, FOREVER);
  assert.deepEqual(
    requests.map(({ method }) => method),
    ["POST", "POST"],
  );
});

test("a series whose event expired in the API server starts anew", async () => {
  const { events, requests } = recorder(({ method }) =>
    method === "PATCH" ? new ApiError("PATCH", 404, { reason: "NotFound" }) : undefined,
  );
  await events.record(SUBJECT, NOTE, FOREVER);
  await events.record(SUBJECT, NOTE, FOREVER);
  assert.deepEqual(
    requests.map(({ method }) => method),
    ["POST", "PATCH", "POST"],
  );
});

test("an event that cannot be written harms nothing", async () => {
  const { events } = recorder(() => new ApiError("POST", 403, { reason: "Forbidden" }));
  await events.record(SUBJECT, NOTE, FOREVER);
});

test("a long note is cut to what the API takes", async () => {
  const { events, requests } = recorder();
  await events.record(SUBJECT, { ...NOTE, note: "x".repeat(5000) }, FOREVER);
  const { note } = (requests[0] as ApiRequest).body as EventNote;
  assert.equal(note.length, 1000);
});
