/**
 * Run by `helm test` inside the cluster, in the operator's image, with a token of its own. Says of each thing that an
 * installation needs whether it is there. Settings come as environment variables; exit code 1 when anything is missing.
 */
import { readFileSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";

const TOKEN_DIRECTORY = "/var/run/secrets/kubernetes.io/serviceaccount";
const GROUP = "/apis/pulsar-kinesis.io/v1alpha1";
const { NAMESPACE, OPERATOR_URL, LEASE_NAME, OPERATOR_USER, WATCH_NAMESPACE } = process.env;
const { WORKER_POLICIES = "", OPERATOR_POLICIES = "" } = process.env;
const PATIENCE_MS = 60_000;

/** One HTTP exchange. A body is sent as JSON. Resolves with any status; rejects when there is no answer in 10 s. */
function exchange(url, { method = "GET", body, ...options } = {}) {
  const send = url.startsWith("https:") ? httpsRequest : httpRequest;
  const headers = { ...options.headers, ...(body && { "content-type": "application/json" }) };
  return new Promise((resolve, reject) => {
    const request = send(url, { ...options, method, headers, timeout: 10_000 }, (response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => resolve({ status: response.statusCode, text: Buffer.concat(chunks).toString("utf8") }));
    });
    request.on("timeout", () => request.destroy(new Error(`no answer from ${url} in 10 s`)));
    request.on("error", reject);
    request.end(body && JSON.stringify(body));
  });
}

/** Asks the Kubernetes API. The answer's body comes parsed. */
async function ask(path, options = {}) {
  const { KUBERNETES_SERVICE_HOST: name = "", KUBERNETES_SERVICE_PORT: port = "443" } = process.env;
  const host = name.includes(":") ? `[${name}]` : name;
  const token = readFileSync(`${TOKEN_DIRECTORY}/token`, "utf8").trim();
  const ca = readFileSync(`${TOKEN_DIRECTORY}/ca.crt`);
  const headers = { accept: "application/json", authorization: `Bearer ${token}` };
  const answer = await exchange(`https://${host}:${port}${path}`, { ...options, ca, headers });
  return { status: answer.status, body: JSON.parse(answer.text) };
}

function expect(condition, message) {
  if (!condition) throw new Error(message);
}

function sink(config) {
  return {
    apiVersion: "pulsar-kinesis.io/v1alpha1",
    kind: "KinesisSink",
    metadata: { name: "helm-test" },
    spec: {
      config,
      secrets: { awsCredentialPluginParam: { name: "helm-test", key: "credentials" } },
      pulsar: {
        serviceUrl: "pulsar+ssl://pulsar.example:6651",
        topics: ["persistent://public/default/helm-test"],
        subscription: { name: "helm-test" },
      },
    },
  };
}

/** Creates nothing: the API server only checks and defaults. */
function dryRun(body) {
  const path = `${GROUP}/namespaces/${NAMESPACE}/kinesissinks?dryRun=All&fieldValidation=Strict`;
  return ask(path, { method: "POST", body });
}

async function definitionIsServed() {
  const { status, body } = await ask(GROUP);
  expect(status === 200, `${GROUP} answers ${status}: is the CustomResourceDefinition installed (crds.enabled)?`);
  const served = body.resources.map((resource) => resource.name);
  for (const name of ["kinesissinks", "kinesissinks/status", "kinesissinks/scale"]) {
    expect(served.includes(name), `the definition does not serve ${name}: is it of an older release?`);
  }
}

async function goodSinkIsAccepted() {
  const { status, body } = await dryRun(sink({ awsKinesisStreamName: "orders", awsRegion: "us-west-2" }));
  expect(status === 201, `a sink that should be accepted is refused: ${body.message}`);
  const { retainOrdering } = body.spec.config;
  expect(retainOrdering === false, `the definition sets no defaults: retainOrdering is ${retainOrdering}`);
}

async function badSinksAreRefused() {
  const bad = {
    awsKinesisStreamName: { awsRegion: "us-west-2" },
    awsRegion: { awsKinesisStreamName: "orders" },
    messageFormat: { awsKinesisStreamName: "orders", awsRegion: "us-west-2", messageFormat: "XML" },
  };
  for (const [field, config] of Object.entries(bad)) {
    const { status, body } = await dryRun(sink(config));
    expect(status === 422, `a sink with a bad ${field} gets status ${status} instead of being refused`);
    expect(body.message.includes(field), `the refusal of a bad ${field} does not name it: ${body.message}`);
  }
}

async function operatorIsReady() {
  const { status, text } = await exchange(`${OPERATOR_URL}/readyz`);
  expect(status === 200, `the operator is not ready, ${OPERATOR_URL}/readyz answers ${status}: ${text.trim()}`);
}

async function operatorLeads() {
  const { status, body } = await ask(`/apis/coordination.k8s.io/v1/namespaces/${NAMESPACE}/leases/${LEASE_NAME}`);
  expect(status === 200, `no operator took the lease ${LEASE_NAME} yet: ${body.message}`);
  const { holderIdentity, leaseDurationSeconds, renewTime } = body.spec;
  expect(holderIdentity, `nobody holds the lease ${LEASE_NAME}`);
  const age = (Date.now() - Date.parse(renewTime)) / 1000;
  expect(age < leaseDurationSeconds, `${holderIdentity} renewed the lease ${LEASE_NAME} ${Math.round(age)} s ago`);
  const pod = await ask(`/api/v1/namespaces/${NAMESPACE}/pods/${holderIdentity}`);
  expect(pod.status === 200, `the lease ${LEASE_NAME} is held by ${holderIdentity}, which is no pod of this namespace`);
}

/** Whether the operator's account may do it, as the API server would decide. */
async function operatorMay(attributes) {
  const body = {
    apiVersion: "authorization.k8s.io/v1",
    kind: "SubjectAccessReview",
    spec: {
      user: OPERATOR_USER,
      groups: ["system:serviceaccounts", `system:serviceaccounts:${NAMESPACE}`, "system:authenticated"],
      resourceAttributes: { namespace: WATCH_NAMESPACE, ...attributes },
    },
  };
  const answer = await ask("/apis/authorization.k8s.io/v1/subjectaccessreviews", { method: "POST", body });
  expect(answer.status === 201, `cannot review the operator's permissions: ${answer.body.message}`);
  return answer.body.status.allowed;
}

async function operatorHasItsPermissions() {
  const needed = JSON.parse(readFileSync(process.env.RULES_FILE, "utf8"));
  for (const { apiGroups, resources, verbs } of needed) {
    for (const group of apiGroups) {
      for (const path of resources) {
        const [resource, subresource] = path.split("/");
        const attributes = { group, resource, ...(subresource && { subresource }) };
        for (const verb of verbs) {
          const where = WATCH_NAMESPACE === "" ? "all namespaces" : `namespace ${WATCH_NAMESPACE}`;
          expect(await operatorMay({ ...attributes, verb }), `${OPERATOR_USER} may not ${verb} ${path} in ${where}`);
        }
      }
    }
  }
}

async function operatorCannotReadSecrets() {
  for (const verb of ["get", "list", "watch"]) {
    const allowed = await operatorMay({ group: "", resource: "secrets", verb });
    expect(!allowed, `${OPERATOR_USER} may ${verb} secrets, which it never needs: take that away`);
  }
}

/** Names with commas between. */
async function policiesDeny(names) {
  const admission = "/apis/admissionregistration.k8s.io/v1";
  for (const name of names.split(",")) {
    const policy = await ask(`${admission}/validatingadmissionpolicies/${name}`);
    expect(policy.status === 200, `the admission policy ${name} is missing: ${policy.body.message}`);
    const warnings = policy.body.status?.typeChecking?.expressionWarnings ?? [];
    expect(
      warnings.length === 0,
      `the admission policy ${name} does not fit the definition: ${JSON.stringify(warnings)}`,
    );
    const binding = await ask(`${admission}/validatingadmissionpolicybindings/${name}`);
    expect(binding.status === 200, `the admission policy ${name} is not bound: ${binding.body.message}`);
    expect(binding.body.spec.validationActions.includes("Deny"), `the admission policy ${name} is bound without Deny`);
  }
}

/** Tries again until it holds or the patience ends: an operator that has just been installed may still be starting. */
async function eventually(check, deadline) {
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 2_000));
    }
  }
}

const checks = {
  "the KinesisSink definition is served": definitionIsServed,
  "a good sink is accepted (dry run)": goodSinkIsAccepted,
  "bad sinks are refused, by the name of the field (dry run)": badSinksAreRefused,
  "the operator is ready": operatorIsReady,
  ...(LEASE_NAME && { "an operator pod leads": operatorLeads }),
  "the operator has the permissions it needs": operatorHasItsPermissions,
  "the operator cannot read secrets": operatorCannotReadSecrets,
  ...(WORKER_POLICIES && { "workers are confined to their own status": () => policiesDeny(WORKER_POLICIES) }),
  ...(OPERATOR_POLICIES && { "the operator is confined to its sinks' objects": () => policiesDeny(OPERATOR_POLICIES) }),
};

const deadline = Date.now() + PATIENCE_MS;
for (const [name, check] of Object.entries(checks)) {
  try {
    await eventually(check, deadline);
    process.stdout.write(`ok      ${name}\n`);
  } catch (error) {
    process.exitCode = 1;
    process.stdout.write(`FAILED  ${name}\n        ${error.message}\n`);
  }
}
