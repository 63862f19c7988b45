import type * as Http from "node:http";
import type * as Https from "node:https";
import process from "node:process";

// Asked for rather than imported: an import reads every export of Node's HTTP, and one of them
// loads a client that a node does not use, which takes 30 ms of its start.
const http = process.getBuiltinModule("node:http");

export const createServer: typeof Http.createServer = http.createServer;
/** Loaded where TLS is asked for. */
export const createTlsServer = (
  ...[options, listener]: Parameters<typeof Https.createServer>
): Https.Server => process.getBuiltinModule("node:https").createServer(options, listener);
export const STATUS_CODES: typeof Http.STATUS_CODES = http.STATUS_CODES;
