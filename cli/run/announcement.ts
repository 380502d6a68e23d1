import type { KinesisSink } from "../../crds/kinesissink.generated.ts";
import { subscriptionName } from "../../crds/subscription.ts";

/** What a run will do, for a person to agree to: it moves real messages. */
export function announcement(sink: KinesisSink): string[] {
  const { config, pulsar, deadLetter } = sink.spec;
  const topics = pulsar.topicsPattern
    ? `all topics that match ${pulsar.topicsPattern}`
    : (pulsar.topics ?? []).join(", ");
  const type = config.retainOrdering ? "Failover" : "Shared";
  const start =
    pulsar.subscription.initialPosition === "Earliest" ? "the oldest message" : "messages published from now on";
  const place = config.awsEndpoint ? ` at ${config.awsEndpoint}` : "";
  return [
    `${sink.metadata.name} consumes ${topics}`,
    `  from ${pulsar.serviceUrl}, by the subscription ${subscriptionName(sink)} (${type}). Where it exists, it goes on at its place, and shares the messages with those who consume by it already; else it is made, and begins at ${start}`,
    `  and writes to the stream ${config.awsKinesisStreamName}${config.awsRegion ? ` in ${config.awsRegion}` : ""}${place}, in the format ${config.messageFormat}.`,
    ...(deadLetter === undefined ? [] : [`  What can never be delivered goes to ${deadLetter.topic}.`]),
    "What the stream has taken is acknowledged: it will not be delivered again.",
  ];
}
