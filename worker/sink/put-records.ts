import type { KinesisClient } from "@aws-sdk/client-kinesis";
import { PutRecordsCommand } from "@aws-sdk/client-kinesis";
import type { BodyMemory } from "./body-memory.ts";
import type { StreamName } from "./describe.ts";
import { ambiguousAnswer, classifyRecordError, type FailureContext } from "./errors.ts";
import { withBody } from "./protocol.ts";
import { encodePutRecords } from "./put-records-body.ts";
import type { SendOptions } from "./request-handler.ts";
import type { KinesisRecord, RecordOutcome, RequestOutcome } from "./sink.ts";

/** One entry of PutRecords' answer (Kinesis API reference, PutRecordsResultEntry). */
export interface PutRecordsResult {
  readonly SequenceNumber?: string | undefined;
  readonly ShardId?: string | undefined;
  readonly ErrorCode?: string | undefined;
  readonly ErrorMessage?: string | undefined;
}

/** Of a shard's id and of a sequence number, which the API allows 128 digits at most. */
const MOST_CHARACTERS = 128;

/** One PutRecords request. @throws what the SDK throws */
export async function putRecords(
  client: KinesisClient,
  stream: StreamName,
  records: readonly KinesisRecord[],
  memory: BodyMemory,
  context: FailureContext,
  options: SendOptions,
): Promise<RequestOutcome> {
  const body = encodePutRecords(stream, records, memory);
  const command = new PutRecordsCommand(withBody({ ...stream, Records: [] }, body));
  const answer = await client.send(command, options);
  // A request that failed may still be read by its socket.
  memory.giveBack(body);
  return toOutcome(answer.Records, records.length, context);
}

/** Pairs the answer with the request's records by position. */
export function toOutcome(
  results: readonly PutRecordsResult[] | undefined,
  sent: number,
  context: FailureContext,
): RequestOutcome {
  if (!Array.isArray(results) || results.length !== sent) {
    const detail = `it speaks of ${Array.isArray(results) ? results.length : 0} records instead of ${sent}`;
    return { kind: "failed", failure: ambiguousAnswer(context, detail) };
  }
  const records: RecordOutcome[] = [];
  for (const result of results as readonly (PutRecordsResult | null)[]) {
    const { ErrorCode: errorCode, SequenceNumber: sequenceNumber, ShardId: shardId } = result ?? {};
    if (errorCode !== undefined && errorCode !== null) {
      records.push({ accepted: false, failure: classifyRecordError(errorCode, context) });
    } else if (isText(sequenceNumber) && isText(shardId)) {
      records.push({ accepted: true, shardId, sequenceNumber });
    } else {
      const failure = ambiguousAnswer(context, "a record has neither a sequence number nor an error code");
      records.push({ accepted: false, failure });
    }
  }
  return { kind: "answered", records };
}

/** Both are kept for each record that is accepted. */
function isText(value: unknown): value is string {
  return typeof value === "string" && value.length > 0 && value.length <= MOST_CHARACTERS;
}
