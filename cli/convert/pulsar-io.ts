import { type Connector, createProperties } from "./connector.ts";
import { asFields, asText } from "./values.ts";

/** A configuration file of Pulsar IO, or what `pulsar-admin sinks get` prints. */
export function readPulsarIo(document: unknown): Connector {
  const fields = asFields(document);
  return {
    origin: "Pulsar IO",
    name: asText(fields["name"]) ?? "kinesis-sink",
    namespace: undefined,
    properties: createProperties(fields),
    pulsar: {
      where: "brokerServiceUrl of the cluster whose function workers run the connector",
      secrets: [],
      notes: [
        "the connector used its function worker's credentials for Pulsar: if Pulsar asks for some, name a Secret in spec.pulsar.auth.",
      ],
    },
  };
}
