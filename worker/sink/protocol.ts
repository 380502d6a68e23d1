import type { PutRecordsInput, PutRecordsOutput } from "@aws-sdk/client-kinesis";
import { AwsJson1_1Protocol } from "@aws-sdk/core/protocols";
import { collectBody, HttpRequest } from "@smithy/core/protocols";
import type { MetadataBearer } from "@smithy/types";
import { encodePutRecords } from "./put-records-body.ts";

type Serialize = AwsJson1_1Protocol["serializeRequest"];
type Deserialize = AwsJson1_1Protocol["deserializeResponse"];
type RequestContext = Parameters<Serialize>[2];
type ResponseContext = Parameters<Deserialize>[1];
type Response = Parameters<Deserialize>[2];
type OperationSchema = Parameters<Serialize>[0];

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
      body: encodePutRecords(input as unknown as PutRecordsInput),
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
