import assert from "node:assert/strict";
import { test } from "node:test";
import { regionOfArn } from "../../../worker/sink/describe.ts";
import { EndpointError, resolveEndpoint } from "../../../worker/sink/endpoint.ts";

const good: readonly [
  host: string | undefined,
  port: number | undefined,
  region: string | undefined,
  url: unknown,
  used: string,
][] = [
  [undefined, undefined, "eu-central-1", undefined, "eu-central-1"],
  ["", undefined, "eu-central-1", undefined, "eu-central-1"],
  ["kinesis.example", undefined, undefined, "https://kinesis.example", "us-east-1"],
  ["kinesis.example", 4567, "eu-central-1", "https://kinesis.example:4567", "eu-central-1"],
  ["kinesis.example:8443", undefined, undefined, "https://kinesis.example:8443", "us-east-1"],
  ["http://127.0.0.1:4568", undefined, undefined, "http://127.0.0.1:4568", "us-east-1"],
  ["https://kinesis.example/", 4567, undefined, "https://kinesis.example:4567", "us-east-1"],
  ["https://gateway.example/kinesis/", undefined, undefined, "https://gateway.example/kinesis", "us-east-1"],
  ["::1", 4567, undefined, "https://[::1]:4567", "us-east-1"],
];

for (const [host, port, region, url, used] of good) {
  test(`endpoint ${host} with port ${port} and region ${region} is ${url} in ${used}`, () => {
    assert.deepEqual(resolveEndpoint({ host, port, region, property: "awsEndpoint" }), { url, region: used });
  });
}

const awsHosts: readonly [host: string, region: string][] = [
  ["kinesis.eu-west-1.amazonaws.com", "eu-west-1"],
  ["https://kinesis-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1"],
  ["kinesis.cn-north-1.amazonaws.com.cn", "cn-north-1"],
  ["vpce-0a1b2c-3d4e.kinesis.ap-southeast-2.vpce.amazonaws.com:443", "ap-southeast-2"],
  ["https://123456789012.data-kinesis.il-central-1.amazonaws.com/", "il-central-1"],
];

for (const [host, region] of awsHosts) {
  test(`the region of ${host} is ${region}, unless another one is given`, () => {
    assert.equal(resolveEndpoint({ host, port: undefined, region: "", property: "awsEndpoint" }).region, region);
    const given = resolveEndpoint({ host, port: undefined, region: "us-west-2", property: "awsEndpoint" });
    assert.equal(given.region, "us-west-2");
  });
}

test("the region of a stream is in its ARN", () => {
  assert.equal(regionOfArn("arn:aws-cn:kinesis:cn-north-1:123456789012:stream/orders"), "cn-north-1");
  assert.equal(regionOfArn("orders"), undefined);
});

const bad: readonly [host: string | undefined, message: RegExp][] = [
  [undefined, /^awsRegion is missing/],
  ["ftp://kinesis.example", /^awsEndpoint is neither a host name nor an http\(s\) URL/],
  ["not a host", /^awsEndpoint is neither/],
  ["https://user:hidden@kinesis.example", /^awsEndpoint must not hold a user or password/],
];

for (const [host, message] of bad) {
  test(`endpoint ${host?.replace("hidden", "…")} is refused by name`, () => {
    assert.throws(
      () => resolveEndpoint({ host, port: undefined, region: undefined, property: "awsEndpoint" }),
      (error) => error instanceof EndpointError && message.test(error.message) && !error.message.includes("hidden"),
    );
  });
}
