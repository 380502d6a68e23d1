import fc from "fast-check";
import type { StructuralSchema } from "../../crds/json-schema.ts";
import { goodManifest, type Json, mergePatch } from "./good-manifest.ts";
import { parts, resourceSchema } from "./resource-definition.ts";

/** Texts near the borders of the rules: right in one field and wrong in another. */
const texts = fc.constantFrom(
  ...["", "a", "A b", "orders", "x".repeat(300), "ünï", "😀", "x\u00a0y", "x\u2028y", "\t", "\v", "100m", "5Gi", "1e3"],
  ...["persistent://public/default/orders", "public/default/a", "non-persistent://a/b/c", "a/b", "persistent://a/b/.*"],
  ...[
    "pulsar://a:1",
    "pulsar+ssl://b",
    "pulsar+ssl://b:1,c:2",
    "pulsar://[::1]:6650/",
    "http://a:80/",
    "https://a/b?x",
  ],
  ...["https://a", "host:443", "[::1]", "us-west-2", '{"a":1}', " {\n} ", "{", "\ufeff"],
  ...["arn:aws:kinesis:us-west-2:123456789012:stream/a", "arn:aws-cn:kinesis:cn-north-1:123456789012:stream/a"],
  ...["org.apache.pulsar.io.aws.STSAssumeRoleProviderPlugin", "x.STSAssumeRoleProviderPlugin"],
  "org.apache.pulsar.io.kinesis.AwsDefaultProviderChainPlugin",
);
const numbers = fc.constantFrom(0, 1, -1, 1.5, 100, 500, 501, 65535, 65536, 2147483647, 2147483648, 86400001, 1e10);
const names = fc.constantFrom("a", "app.kubernetes.io/name", "app.kubernetes.io/part-of", "pulsar-kinesis.io/x");
const anything: fc.Arbitrary<Json> = fc.oneof(texts, numbers, fc.boolean(), fc.constantFrom([], {}));

function ofType(schema: StructuralSchema): fc.Arbitrary<Json> {
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  if (schema["x-kubernetes-int-or-string"]) return fc.oneof(texts, numbers);
  if (schema.type === "string") return texts;
  if (schema.type === "integer") return numbers;
  if (schema.type === "boolean") return fc.boolean();
  if (schema.type === "array") return fc.array(value(schema.items ?? {}), { maxLength: 3 });
  if (typeof schema.additionalProperties === "object") {
    return fc.dictionary(names, value(schema.additionalProperties), { maxKeys: 3 });
  }
  return fields(schema);
}

function fields({ properties = {}, required = [] }: StructuralSchema): fc.Arbitrary<Json> {
  const model = Object.fromEntries(Object.entries(properties).map(([name, part]) => [name, value(part)]));
  return fc
    .record(model, { requiredKeys: required.filter((name) => name in model) })
    .chain((object) =>
      fc.oneof(
        { weight: 40, arbitrary: fc.constant(object) },
        { weight: 1, arbitrary: fc.constant({ ...object, odd: 1 }) },
      ),
    );
}

/** Mostly values of the schema's type, within its limits or not. */
function value(schema: StructuralSchema): fc.Arbitrary<Json> {
  return fc.oneof({ weight: 30, arbitrary: ofType(schema) }, { weight: 1, arbitrary: anything });
}

const places = parts(resourceSchema()).filter(([path]) => path.startsWith("spec.") && !/[[{]/.test(path));

const change: fc.Arbitrary<Json> = fc
  .constantFrom(...places)
  .chain(([path, schema]) =>
    fc
      .oneof({ weight: 10, arbitrary: value(schema) }, { weight: 1, arbitrary: fc.constant(null) })
      .map((part) => path.split(".").reduceRight<Json>((inner, name) => ({ [name]: inner }), part)),
  );

/** The good manifest with one to three fields or whole parts of its spec replaced or removed. */
export const randomManifest: fc.Arbitrary<Json> = fc
  .array(change, { minLength: 1, maxLength: 3 })
  .map((changes) => changes.reduce<Json>(mergePatch, goodManifest));
