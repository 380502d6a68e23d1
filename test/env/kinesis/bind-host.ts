// Loaded before kinesis-local, which listens on every address and has no setting for it: listen on EMULATOR_HOST alone.
import { Server } from "node:net";

const listen = Server.prototype.listen;

Server.prototype.listen = function onOneAddress(this: Server, port: unknown, ...rest: unknown[]): Server {
  return Reflect.apply(listen, this, [port, process.env["EMULATOR_HOST"], ...rest]);
};
