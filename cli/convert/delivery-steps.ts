import type { Connector, Properties } from "./connector.ts";
import type { Draft } from "./draft.ts";
import { asFlag, asNumber, asText } from "./values.ts";

/** Order, guarantees, retries, dead letters and how many workers there are. */
export function convertDelivery({ properties }: Connector, draft: Draft): void {
  order(properties, draft);
  retries(properties, draft);
  acknowledgement(properties, draft);
  replicas(properties, draft);
}

function order(properties: Properties, draft: Draft): void {
  const reasons: string[] = [];
  const ordering = properties.take("retainOrdering");
  if (asFlag(ordering?.value) && draft.get("config.retainOrdering") !== true) {
    reasons.push("The connector's own retainOrdering, which made its subscription Failover.");
  }
  const byKey = properties.take("retainKeyOrdering");
  if (asFlag(byKey?.value)) {
    reasons.push(
      "retainKeyOrdering shared out keys (Key_Shared). Here topic partitions are shared out (Failover), each key in order: replicas beyond the topic partitions stand by.",
    );
  }
  const guarantee = properties.take("processingGuarantees");
  const promised = (asText(guarantee?.value) ?? "").toUpperCase();
  if (promised === "EFFECTIVELY_ONCE") {
    reasons.push(
      `${guarantee?.written} effectively_once read in order (Failover). Delivery is at least once: a record may be written twice, with order kept only as a rewind.`,
    );
  }
  if (promised === "ATMOST_ONCE" || promised === "MANUAL") {
    draft.note(`${guarantee?.written} ${promised.toLowerCase()}: delivery is at least once here.`);
  }
  if (reasons.length > 0) draft.set("config.retainOrdering", true, reasons.join(" "));
  else if (draft.get("config.retainOrdering") === true && !asFlag(ordering?.value)) {
    draft.set(
      "config.retainOrdering",
      true,
      "The connector's subscription was Shared in spite of it. It becomes Failover, so the connector must be gone before the workers start.",
    );
  }
}

function retries(properties: Properties, draft: Draft): void {
  const topic = properties.take("deadLetterTopic");
  const most = properties.take("maxMessageRetries");
  const name = asText(topic?.value);
  if (name !== undefined) {
    draft.set(
      "deadLetter.topic",
      name,
      "Takes what can never be delivered. What fails and may pass is retried for ever, and not moved here after some retries.",
    );
  }
  const limited = (asNumber(most?.value) ?? -1) >= 0;
  if (!limited) return;
  const byDefault =
    name === undefined
      ? " The connector moved such messages to TOPIC-SUBSCRIPTION-DLQ. Here what can never be delivered stops its topic partition or is set aside, unless spec.deadLetter.topic is given."
      : "";
  draft.note(`${most?.written}: no counterpart, what may pass is retried for ever.${byDefault}`);
}

function acknowledgement(properties: Properties, draft: Draft): void {
  const automatic = properties.take("autoAck");
  if (asFlag(automatic?.value) === false) draft.note("autoAck: a message is acknowledged once Kinesis has it.");
  const timeout = properties.take("timeoutMs");
  if ((asNumber(timeout?.value) ?? 0) > 0) {
    draft.note(
      `${timeout?.written}: no counterpart. A message that is not acknowledged in time is not sent again by the broker; spec.config.requestTimeout bounds each request to Kinesis.`,
    );
  }
  const delay = properties.take("negativeAckRedeliveryDelayMs");
  if ((asNumber(delay?.value) ?? 0) > 0) {
    draft.note(
      `${delay?.written}: no counterpart, nothing is acknowledged negatively. Retries wait by spec.config.retryInitialDelayInMillis and retryMaxDelayInMillis.`,
    );
  }
}

function replicas(properties: Properties, draft: Draft): void {
  const count = asNumber(properties.take("parallelism")?.value);
  if (count !== undefined) draft.set("replicas", count);
  const bounds = ["minReplicas", "maxReplicas"].flatMap((name) => properties.take(name)?.written ?? []);
  // Function Mesh fills in minReplicas, which alone scales nothing.
  if (bounds.includes("maxReplicas")) {
    draft.note(
      `${bounds.join(", ")}: make a HorizontalPodAutoscaler of the KinesisSink, which has the scale subresource.`,
    );
  }
}
