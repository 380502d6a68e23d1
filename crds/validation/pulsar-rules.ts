import { empty, fieldRule, partRule, type Rule } from "./rule.ts";

const brokers =
  /^pulsar(\+ssl)?:\/\/([A-Za-z0-9._-]+|\[[0-9a-fA-F:.]+\])(:[0-9]{1,5})?(,([A-Za-z0-9._-]+|\[[0-9a-fA-F:.]+\])(:[0-9]{1,5})?)*\/?$/;
const admin = /^(https?:\/\/([A-Za-z0-9._-]+|\[[0-9a-fA-F:.]+\])(:[0-9]{1,5})?(\/[^\t\n\f\r ?#]*)?)?$/;
const topic = /^((persistent:\/\/)?[^/\t\n\f\r :]+\/[^/\t\n\f\r ]+\/[^/\t\n\f\r ]+|[^/\t\n\f\r :]+)$/;
const topicMessage =
  "must be persistent://tenant/namespace/topic, tenant/namespace/topic or a name in public/default; non-persistent topics keep nothing for a subscription and cannot be read without loss";

/** Twins of the rules on spec.pulsar itself. */
const sourceRules: readonly Rule[] = [
  partRule(
    "TopicsOrPattern",
    "spec.pulsar",
    "spec.pulsar.topics",
    "exactly one of topics and topicsPattern must be given",
    ({ pulsar }) => (pulsar.topics ?? []).length > 0 !== !empty(pulsar.topicsPattern),
  ),
  partRule(
    "CertificateNeedsTls",
    "spec.pulsar",
    "spec.pulsar.auth.tls",
    "a client certificate needs TLS: use a pulsar+ssl:// serviceUrl",
    ({ pulsar }) => pulsar.auth?.tls === undefined || pulsar.serviceUrl.startsWith("pulsar+ssl://"),
  ),
  partRule(
    "TlsOnPlainConnection",
    "spec.pulsar",
    "spec.pulsar.tls",
    "tls has no effect on a plain connection: use a pulsar+ssl:// serviceUrl, an https:// adminUrl or an https:// issuerUrl, or remove tls",
    ({ pulsar }) =>
      pulsar.tls === undefined ||
      pulsar.serviceUrl.startsWith("pulsar+ssl://") ||
      (pulsar.adminUrl ?? "").startsWith("https://") ||
      (pulsar.auth?.oauth2?.issuerUrl ?? "").startsWith("https://"),
  ),
];

/** Twins of the rules on single fields under spec.pulsar, and on topic names elsewhere. */
const fieldRules: readonly Rule[] = [
  fieldRule(
    "ServiceUrl",
    "spec.pulsar.serviceUrl",
    "must be pulsar://host:6650 or pulsar+ssl://host:6651 (several hosts separated by commas); an http address belongs in adminUrl",
    ({ pulsar }) => pulsar.serviceUrl,
    (url) => brokers.test(url),
  ),
  fieldRule(
    "ListenerName",
    "spec.pulsar.listenerName",
    "must be a name as in advertisedListeners of the brokers, for example external",
    ({ pulsar }) => pulsar.listenerName,
    (name) => /^[A-Za-z0-9._-]*$/.test(name),
  ),
  fieldRule(
    "AdminUrl",
    "spec.pulsar.adminUrl",
    "must be the http:// or https:// address of Pulsar's admin API, for example http://pulsar:8080; a pulsar:// address belongs in serviceUrl",
    ({ pulsar }) => pulsar.adminUrl,
    (url) => admin.test(url),
  ),
  {
    id: "TopicName",
    at: "spec.pulsar.topics[]",
    message: topicMessage,
    broken: ({ spec }) =>
      (spec.pulsar.topics ?? []).flatMap((name, index) => (topic.test(name) ? [] : [`spec.pulsar.topics[${index}]`])),
  },
  fieldRule(
    "TopicsPattern",
    "spec.pulsar.topicsPattern",
    "must be persistent://tenant/namespace/REGEX, for example persistent://public/default/orders-.*",
    ({ pulsar }) => pulsar.topicsPattern,
    (pattern) => /^((persistent:\/\/)?[^/\t\n\f\r :*]+\/[^/\t\n\f\r *]+\/[^\t\n\f\r ]+)?$/.test(pattern),
  ),
  fieldRule(
    "SubscriptionName",
    "spec.pulsar.subscription.name",
    "must not contain blanks",
    ({ pulsar }) => pulsar.subscription.name,
    (name) => /^[^\t\n\f\r ]*$/.test(name),
  ),
  partRule(
    "OneAuthentication",
    "spec.pulsar.auth",
    "spec.pulsar.auth",
    "at most one of token, oauth2, tls and basic may be given",
    ({ pulsar: { auth = {} } }) =>
      [auth.token, auth.oauth2, auth.tls, auth.basic].filter((kind) => kind !== undefined).length <= 1,
  ),
  fieldRule(
    "IssuerUrl",
    "spec.pulsar.auth.oauth2.issuerUrl",
    "must be the https:// URL of the OAuth 2.0 issuer, without a user or password",
    ({ pulsar }) => pulsar.auth?.oauth2?.issuerUrl,
    (url) => /^https?:\/\/[^\t\n\f\r /?#@\\]+([/?#][^\t\n\f\r ]*)?$/.test(url),
  ),
  partRule(
    "OneCertificateSource",
    "spec.pulsar.tls.ca",
    "spec.pulsar.tls.ca",
    "exactly one of secret and configMap must be given",
    ({ pulsar: { tls } }) =>
      tls?.ca === undefined || (tls.ca.secret !== undefined) !== (tls.ca.configMap !== undefined),
  ),
  fieldRule(
    "DeadLetterTopicName",
    "spec.deadLetter.topic",
    topicMessage,
    ({ deadLetter }) => deadLetter?.topic,
    (name) => topic.test(name),
  ),
];

export const pulsarRules: readonly Rule[] = [...sourceRules, ...fieldRules];
