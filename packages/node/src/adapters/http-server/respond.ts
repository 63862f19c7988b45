import type { ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { MyelinError, errorCatalogue } from "@myelin/core/errors";
import type { HttpResponse } from "../../ports/transport.ts";
import { STATUS_CODES } from "./node-http.ts";

const json = "application/json; charset=utf-8";

/** What every answer bears: a browser may neither guess its type nor show it to other origins. */
export const guards: Readonly<Record<string, string>> = {
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  "cross-origin-resource-policy": "same-origin",
};

/** An error in the one shape, with its code's status. */
export function errorResponse(thrown: unknown): HttpResponse {
  const error = MyelinError.from(thrown);
  return {
    status: errorCatalogue[error.code].httpStatus,
    ...(error.code === "RESOURCE_EXHAUSTED" ? { headers: { "retry-after": "1" } } : {}),
    body: JSON.stringify(error),
  };
}

/** The answer's headers in full; `body` is what is sent. */
function headersOf(
  answer: HttpResponse,
  extra: Readonly<Record<string, string>>,
): Record<string, string> {
  const headers: Record<string, string> = { ...guards, ...answer.headers, ...extra };
  if (answer.body !== undefined) {
    headers["content-type"] ??= json;
    headers["content-length"] = String(Buffer.byteLength(answer.body));
  } else if (answer.status !== 204 && answer.status !== 304) {
    headers["content-length"] = "0";
  }
  return headers;
}

/** Answers a request that HTTP could parse. The whole body is written; `end` is left to the caller. */
export function respond(
  response: ServerResponse,
  answer: HttpResponse,
  extra: Readonly<Record<string, string>>,
): void {
  response.writeHead(answer.status, headersOf(answer, extra));
  if (answer.body !== undefined && response.req.method !== "HEAD") response.write(answer.body);
}

/** The same where no parsed request exists: malformed HTTP, refused upgrades and refused connections. */
export function respondRaw(
  socket: Duplex,
  answer: HttpResponse,
  extra: Readonly<Record<string, string>> = {},
): void {
  if (!socket.writable) return;
  const headers = headersOf(answer, { ...extra, connection: "close" });
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(
    `HTTP/1.1 ${answer.status} ${STATUS_CODES[answer.status] ?? ""}\r\n${lines.join("")}\r\n`,
  );
  if (answer.body !== undefined) socket.write(answer.body);
}
