import type { ServerResponse } from "node:http";

const CALL = "Action=GetCallerIdentity";

const ANSWER = `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <GetCallerIdentityResult>
    <Arn>arn:aws:iam::000000000000:user/fake</Arn><UserId>AIDAFAKE</UserId><Account>000000000000</Account>
  </GetCallerIdentityResult>
  <ResponseMetadata><RequestId>00000000-0000-0000-0000-000000000000</RequestId></ResponseMetadata>
</GetCallerIdentityResponse>`;

/** The Kinesis Producer Library asks STS once whose account it writes for, and ends when it gets no answer. */
export function isCallerIdentityCall(body: Buffer): boolean {
  return body.subarray(0, CALL.length).equals(Buffer.from(CALL));
}

export function answerCallerIdentity(response: ServerResponse): void {
  response.writeHead(200, { "content-type": "text/xml", "content-length": ANSWER.length });
  response.end(ANSWER);
}
