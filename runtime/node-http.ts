/**
 * Node's `http`. An import of it reads every export, those too for which Node first loads its whole fetch: 13 MB of memory
 * and 70 ms of CPU (Node 24), for something that the worker does not need.
 */
export const http = process.getBuiltinModule("node:http");
