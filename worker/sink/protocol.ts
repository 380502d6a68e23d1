import type { PutRecordsInput, PutRecordsOutput } from "@aws-sdk/client-kinesis";
import { AwsJson1_1Protocol } from "@aws-sdk/core/protocols";
import { collectBody, HttpRequest } from "@smithy/core/protocols";
import type { MetadataBearer } from "@smithy/types";

type Serialize = AwsJson1_1Protocol["serializeRequest"];
type Deserialize = AwsJson1_1Protocol["deserializeResponse"];
type RequestContext = Parameters<Serialize>[2];
type ResponseContext = Parameters<Deserialize>[1];
type Response = Parameters<Deserialize>[2];
type OperationSchema = Parameters<Serialize>[0];

const BODY = Symbol("body");

/** The input of a PutRecords command whose body is written already. */
export function withBody(input: PutRecordsInput, body: Uint8Array): PutRecordsInput {
  return Object.assign(input, { [BODY]: body });
}

function bodyOf(input: object): Uint8Array {
  const { [BODY]: body } = input as { readonly [BODY]?: Uint8Array };
  if (body === undefined) throw new TypeError("PutRecords is sent with a body of its own");
  return body;
}

/**
 * The SDK's JSON 1.1 protocol with a short way for PutRecords and its successful answer. Every other operation, every
 * error answer, endpoints, signing and transport stay the SDK's.
 */
export class KinesisProtocol extends AwsJson1_1Protocol {
  override async serializeRequest<Input extends object>(
    operation: OperationSchema,
    input: Input,
    context: RequestContext,
  ): ReturnType<Serialize> {
    if (operation.name !== "PutRecords") return super.serializeRequest(operation, input, context);
    const request = new HttpRequest({
      method: "POST",
      headers: { "content-type": "application/x-amz-json-1.1", "x-amz-target": "Kinesis_20131202.PutRecords" },
      body: bodyOf(input),
    });
    this.updateServiceEndpoint(request, await context.endpoint());
    if (!request.path.endsWith("/")) request.path += "/";
    return request;
  }

  override async deserializeResponse<Output extends MetadataBearer>(
    operation: OperationSchema,
    context: ResponseContext,
    response: Response,
  ): Promise<Output> {
    if (operation.name !== "PutRecords" || response.statusCode !== 200) {
      return super.deserializeResponse(operation, context, response);
    }
    const body = await collectBody(response.body, context);
    const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString();
    const output = JSON.parse(text) as PutRecordsOutput;
    return { ...output, $metadata: this.deserializeMetadata(response) } as unknown as Output;
  }
}
