import type * as Http from "node:http";
import process from "node:process";

// Asked for rather than imported: an import reads every export of Node's HTTP, and one of them
// loads a client that a node does not use, which takes 30 ms of its start.
const http = process.getBuiltinModule("node:http");

export const createServer: typeof Http.createServer = http.createServer;
export const STATUS_CODES: typeof Http.STATUS_CODES = http.STATUS_CODES;
