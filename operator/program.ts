/**
 * The operator's name: in its log, as user agent and field manager, in Events, in the label of what it manages, and of its
 * Lease unless that has another. Objects that exist carry it, so it can never change.
 */
export const PROGRAM = "kinesis-sink-operator";
