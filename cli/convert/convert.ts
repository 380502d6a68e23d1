import { KINESIS_SINKS } from "../../crds/resource.ts";
import type { ManifestDocument } from "../../crds/validation/documents.ts";
import type { FieldError } from "../../crds/validation/field-error.ts";
import { meantObjectName } from "../../crds/validation/object-name.ts";
import { validateKinesisSink } from "../../crds/validation/validate.ts";
import { type DocumentKind, documentKind } from "../documents.ts";
import type { Connector, SecretValue } from "./connector.ts";
import { convertDelivery } from "./delivery-steps.ts";
import { createDraft, type Draft } from "./draft.ts";
import { readFunctionMesh, sinksOfMesh } from "./function-mesh.ts";
import { readPulsarIo } from "./pulsar-io.ts";
import { readPulsarSink } from "./pulsar-sink.ts";
import { convertRest } from "./rest-steps.ts";
import { convertSource } from "./source-steps.ts";
import { convertStream } from "./stream-steps.ts";
import { asFields, asText, type Fields } from "./values.ts";

/** What the input does not hold and the command line gave. */
export interface ConvertSettings {
  readonly serviceUrl: string | undefined;
  readonly adminUrl: string | undefined;
}

/** What became of one connector. */
export interface Conversion {
  /** For the first comment: `public/default/orders of Function Mesh`. */
  readonly from: string;
  readonly sink: {
    readonly apiVersion: string;
    readonly kind: string;
    readonly metadata: { readonly name: string; readonly namespace?: string };
    readonly spec: Fields;
  };
  /** By the path of the field below `spec`. */
  readonly comments: ReadonlyMap<string, string>;
  readonly notes: readonly string[];
  readonly secrets: readonly SecretValue[];
  /** Why the sink is not valid yet, as when the connector lacked something. */
  readonly errors: readonly FieldError[];
}

/** Makes a KinesisSink of every connector among the documents. */
export function convertDocuments(documents: readonly ManifestDocument[], settings: ConvertSettings): Conversion[] {
  const values = documents.map((document) => ({ kind: documentKind(document), value: document.value }));
  const configMaps = byName(values, "ConfigMap", "data");
  const connections = byName(values, "PulsarConnection", "spec");
  const read = ({ kind, value }: { kind: DocumentKind; value: unknown }): Connector[] => {
    switch (kind) {
      case "Pulsar IO configuration":
        return [readPulsarIo(value)];
      case "Function Mesh Sink":
        return [readFunctionMesh(value, configMaps)];
      case "Function Mesh":
        return sinksOfMesh(value).map((sink) => readFunctionMesh(sink, configMaps));
      case "PulsarSink":
        return [readPulsarSink(value, connections)];
      default:
        return [];
    }
  };
  return values.flatMap(read).map((connector) => convert(connector, settings));
}

/** A part of the other objects in the input that connectors refer to. */
function byName(values: readonly { value: unknown }[], kind: string, part: string): ReadonlyMap<string, Fields> {
  const wanted = values.map(({ value }) => asFields(value)).filter((fields) => fields["kind"] === kind);
  return new Map(wanted.map((fields) => [asText(asFields(fields["metadata"])["name"]) ?? "", asFields(fields[part])]));
}

function convert(connector: Connector, { serviceUrl, adminUrl }: ConvertSettings): Conversion {
  const draft = createDraft();
  const name = objectName(connector.name, draft);
  const from = `the connector ${connector.name} of ${connector.origin}`;
  const given = {
    ...(serviceUrl === undefined ? {} : { serviceUrl }),
    ...(adminUrl === undefined ? {} : { adminUrl }),
  };
  const complete = { ...connector, pulsar: { ...connector.pulsar, ...given } };
  convertStream({ ...complete, name }, draft);
  convertSource(complete, draft);
  convertDelivery(complete, draft);
  convertRest(complete, draft);
  const sink = {
    apiVersion: KINESIS_SINKS.apiVersion,
    kind: KINESIS_SINKS.kind,
    metadata: { name, ...(connector.namespace === undefined ? {} : { namespace: connector.namespace }) },
    spec: inOrder(draft.spec),
  };
  const result = validateKinesisSink(sink);
  return {
    from,
    sink,
    comments: draft.comments,
    notes: draft.notes,
    secrets: draft.secrets,
    errors: result.ok ? [] : result.errors,
  };
}

const LONGEST_NAME = 40;

function objectName(connector: string, draft: Draft): string {
  const name =
    meantObjectName(connector)
      .slice(0, LONGEST_NAME)
      .replace(/[-.]+$/, "") || "kinesis-sink";
  if (name !== connector)
    draft.note(`the connector's name ${connector} is none for Kubernetes: the sink is called ${name}.`);
  return name;
}

/** The fields in the order of the README's examples. */
const ORDER = ["replicas", "config", "secrets", "lingerMillis", "pulsar", "deadLetter", "serviceAccount", "pod"];

function inOrder(spec: Fields): Fields {
  return Object.fromEntries(Object.entries(spec).toSorted(([a], [b]) => ORDER.indexOf(a) - ORDER.indexOf(b)));
}
