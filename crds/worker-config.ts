/** Key of a worker's ConfigMap: the part of the sink's manifest that a worker needs. */
export const CONFIG_KEY = "sink.json";

/**
 * Annotation, within that manifest, with the version of its form. It is counted up when a worker that does not know the new
 * form would do wrong; a field that such a worker leaves alone needs no new version.
 */
export const CONFIG_VERSION_ANNOTATION = "pulsar-kinesis.io/config-version";
export const CONFIG_VERSION = 1;
