/**
 * Values that this version writes into fields of the status. The definition bounds these fields but lists no values: else one
 * that a newer operator or worker writes would be refused, and its whole status with it. So whoever reads a status may meet
 * others, which it knows nothing of.
 */

export type ConditionType =
  | "Ready"
  | "Paused"
  | "Reconciling"
  | "Stalled"
  | "SourceConnected"
  | "StreamWritable"
  | "Throttled";

export type ConditionStatus = "True" | "False" | "Unknown";

export type WorkerState = "Starting" | "Running" | "Waiting" | "Stalled" | "Draining";
