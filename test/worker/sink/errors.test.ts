import assert from "node:assert/strict";
import { test } from "node:test";
import { classifyRecordError, classifyRequestError } from "../../../worker/sink/errors.ts";

const context = { stream: "orders", endpoint: "Kinesis in eu-central-1", action: "kinesis:PutRecords" };

function serviceError(name: string, httpStatusCode: number, message = "secret text"): Error {
  return Object.assign(new Error(message), { name, $fault: "client", $metadata: { httpStatusCode } });
}

function networkError(code: string, fields: object = {}): Error {
  return Object.assign(new Error(`connect ${code}`), { code, ...fields });
}

const requests: readonly [what: string, error: Error, code: string, failureClass: string, ambiguous: boolean][] = [
  ["a shard's limit", serviceError("ProvisionedThroughputExceededException", 400), "Throttled", "throttled", false],
  ["ThrottlingException", serviceError("ThrottlingException", 400), "Throttled", "throttled", false],
  ["KMS throttling", serviceError("KMSThrottlingException", 400), "Throttled", "throttled", false],
  ["LimitExceeded", serviceError("LimitExceededException", 400), "Throttled", "throttled", false],
  ["HTTP 429 of a gateway", serviceError("Unknown", 429), "Throttled", "throttled", false],
  ["InternalFailure", serviceError("InternalFailure", 500), "ServiceFailure", "transient", true],
  ["InternalFailureException", serviceError("InternalFailureException", 500), "ServiceFailure", "transient", true],
  ["ServiceUnavailable", serviceError("ServiceUnavailable", 503), "ServiceFailure", "transient", true],
  ["HTTP 502 of a gateway", serviceError("Unknown", 502), "ServiceFailure", "transient", true],
  ["AccessDenied", serviceError("AccessDeniedException", 400), "AccessDenied", "notReady", false],
  ["HTTP 403 of a gateway", serviceError("Unknown", 403), "AccessDenied", "notReady", false],
  ["ResourceNotFound", serviceError("ResourceNotFoundException", 400), "StreamNotFound", "notReady", false],
  ["ResourceInUse", serviceError("ResourceInUseException", 400), "StreamNotActive", "notReady", false],
  ["KMS access", serviceError("KMSAccessDeniedException", 400), "KmsFailed", "notReady", false],
  ["KMS disabled", serviceError("KMSDisabledException", 400), "KmsFailed", "notReady", false],
  ["KMS state", serviceError("KMSInvalidStateException", 400), "KmsFailed", "notReady", false],
  ["KMS key missing", serviceError("KMSNotFoundException", 400), "KmsFailed", "notReady", false],
  ["KMS opt-in", serviceError("KMSOptInRequired", 400), "KmsFailed", "notReady", false],
  ["a KMS error of later days", serviceError("KMSSomethingNewException", 400), "KmsFailed", "notReady", false],
  ["InvalidArgument", serviceError("InvalidArgumentException", 400), "RequestRejected", "invalid", false],
  ["Validation", serviceError("ValidationException", 400), "RequestRejected", "invalid", false],
  ["an unknown access key", serviceError("UnrecognizedClientException", 400), "InvalidCredentials", "notReady", false],
  ["a wrong secret key", serviceError("InvalidSignatureException", 400), "InvalidCredentials", "notReady", false],
  ["an expired token", serviceError("ExpiredTokenException", 400), "ExpiredCredentials", "notReady", false],
  ["a request too old", serviceError("RequestExpired", 400), "InvalidCredentials", "notReady", false],
  ["any other 4xx", serviceError("SerializationException", 400), "RequestRejected", "notReady", false],
  ["HTTP 404 of a web server", serviceError("Unknown", 404), "RequestRejected", "notReady", false],
  ["HTTP 413", serviceError("Unknown", 413), "RequestRejected", "notReady", false],
  ["an unreadable HTTP 200", serviceError("SyntaxError", 200), "AmbiguousAnswer", "transient", true],
  ["refused", networkError("ECONNREFUSED", { syscall: "connect" }), "EndpointUnreachable", "transient", false],
  [
    "refused by each address of the host",
    // Node's for a host of several addresses: without a text or a system call of its own.
    new AggregateError([
      networkError("ECONNREFUSED", { syscall: "connect" }),
      networkError("EHOSTUNREACH", { syscall: "connect" }),
    ]),
    "EndpointUnreachable",
    "transient",
    false,
  ],
  ["no such host", networkError("ENOTFOUND", { syscall: "getaddrinfo" }), "EndpointUnreachable", "transient", false],
  ["DNS down", networkError("EAI_AGAIN", { syscall: "getaddrinfo" }), "EndpointUnreachable", "transient", false],
  [
    "not connected in time",
    // The SDK's handler has a text for it, and neither a code nor a system call.
    Object.assign(new Error("the request socket did not establish a connection with the server"), {
      name: "TimeoutError",
    }),
    "EndpointUnreachable",
    "transient",
    false,
  ],
  ["reset", networkError("ECONNRESET", { syscall: "read" }), "EndpointUnreachable", "transient", true],
  ["hung up", networkError("ECONNRESET"), "EndpointUnreachable", "transient", true],
  ["broken pipe", networkError("EPIPE", { syscall: "write" }), "EndpointUnreachable", "transient", true],
  ["a self-signed certificate", networkError("DEPTH_ZERO_SELF_SIGNED_CERT"), "TlsFailed", "notReady", false],
  ["a wrong host name", networkError("ERR_TLS_CERT_ALTNAME_INVALID"), "TlsFailed", "notReady", false],
  ["an expired certificate", networkError("CERT_HAS_EXPIRED"), "TlsFailed", "notReady", false],
  [
    "a plain port",
    Object.assign(new Error("SSL routines: wrong version number"), { code: "ERR_SSL_WRONG_VERSION_NUMBER" }),
    "TlsFailed",
    "notReady",
    false,
  ],
  [
    "no credentials",
    Object.assign(new Error("Could not load"), { name: "CredentialsProviderError" }),
    "CredentialsMissing",
    "notReady",
    false,
  ],
];

for (const [what, error, code, failureClass, ambiguous] of requests) {
  test(`${what} is ${code}, ${failureClass}${ambiguous ? ", ambiguous" : ""}`, () => {
    const failure = classifyRequestError(error, context);
    assert.deepEqual([failure.code, failure.class, failure.ambiguous], [code, failureClass, ambiguous]);
    assert.doesNotMatch(failure.message, /secret text|undefined|\n/);
    assert.ok(failure.message.length > 20);
  });
}

test("a signature refused for its time speaks of the clock", () => {
  const error = serviceError("InvalidSignatureException", 400, "Signature expired: 20260101T000000Z is now earlier");
  assert.match(classifyRequestError(error, context).message, /set the clock of the node/);
});

test("failed records of an answered request are retried and were not taken", () => {
  const codes: readonly [string, string, string][] = [
    ["ProvisionedThroughputExceededException", "Throttled", "throttled"],
    ["InternalFailure", "ServiceFailure", "transient"],
    ["SomethingNew", "ServiceFailure", "transient"],
  ];
  for (const [errorCode, code, failureClass] of codes) {
    const failure = classifyRecordError(errorCode, context);
    assert.deepEqual([failure.code, failure.class, failure.ambiguous], [code, failureClass, false]);
  }
});

test("an endpoint that names its errors with what was sent to it is not repeated", () => {
  const sessionToken = "IQoJb3JpZ2luX2VjEJr//////////wEaCXVzLXdlc3QtMiJHMEUC".repeat(6);
  const answers = [
    classifyRecordError(sessionToken, context),
    classifyRequestError(
      Object.assign(new Error("no"), { name: sessionToken, $fault: "client", $metadata: { httpStatusCode: 400 } }),
      context,
    ),
    classifyRequestError(Object.assign(new Error("no"), { code: `E\u001b[2J${sessionToken}` }), context),
  ];
  for (const { message } of answers) {
    assert.match(message, /an error without a name/);
    assert.ok(!message.includes("IQoJ"), message);
  }
});

test("an error whose name or text is none in the answer is classed by its status", () => {
  for (const name of [[], {}, 7, null, true]) {
    const odd = Object.assign(serviceError("", 400), { name });
    assert.equal(classifyRequestError(odd, context).code, "RequestRejected");
    assert.equal(classifyRequestError(Object.assign(serviceError("", 503), { name }), context).code, "ServiceFailure");
    const textless = Object.assign(serviceError("InvalidSignatureException", 400), { message: name });
    assert.equal(classifyRequestError(textless, context).code, "InvalidCredentials");
    assert.equal(
      classifyRequestError(Object.assign(networkError("ECONNRESET"), { name }), context).code,
      "EndpointUnreachable",
    );
  }
});
