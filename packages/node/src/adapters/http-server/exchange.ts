import type { IncomingMessage, ServerResponse } from "node:http";
import { MyelinError } from "@myelin/core/errors";
import type { Clock } from "../../ports/clock.ts";
import type { HttpHandler, HttpRequest, HttpResponse } from "../../ports/transport.ts";
import { isLoopbackAddress, unmapped } from "./address.ts";
import { type BodyBudget, readBody } from "./body.ts";
import { type OriginPolicy, checkOrigin } from "./origin.ts";
import { errorResponse, respond } from "./respond.ts";
import { streamAnswer } from "./stream.ts";

/** How long a request that was answered before it was whole may go on, so that its caller reads the answer. */
const lingerUs = 1e6;

/** What answering a request needs. */
export interface ExchangeOptions {
  readonly policy: OriginPolicy;
  readonly maxBodyBytes: number;
  readonly bodies: BodyBudget;
  readonly clock: Clock;
  readonly handler: HttpHandler;
  /** Told the status of each answer. */
  readonly onAnswer: (status: number) => void;
  /** True when the connection shall end with this answer. */
  readonly isLast: () => boolean;
}

/** Answers one request, whatever happens; never throws. */
export async function exchange(
  options: ExchangeOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const extra: Record<string, string> = {};
  const answer = await answerOf(options, request, response, extra).catch(errorResponse);
  options.onAnswer(answer.status);
  if (response.destroyed || response.headersSent) return;
  if (options.isLast() || !request.complete) extra["connection"] = "close";
  if (answer.stream !== undefined && request.complete) {
    streamAnswer(response, answer, answer.stream, extra);
    return;
  }
  try {
    respond(response, answer, extra);
  } catch (error) {
    // The handler gave a status or header that HTTP cannot carry.
    respond(response, errorResponse(error), extra);
  }
  if (request.complete) response.end();
  else endWithRequest(options.clock, request, response);
}

async function answerOf(
  options: ExchangeOptions,
  request: IncomingMessage,
  response: ServerResponse,
  extra: Record<string, string>,
): Promise<HttpResponse> {
  const foreignOrigin = checkOrigin(options.policy, request.headers);
  if (foreignOrigin !== undefined) {
    extra["access-control-allow-origin"] = foreignOrigin;
    extra["vary"] = "origin";
    if (request.method === "OPTIONS") return preflight;
  }
  const gone = new AbortController();
  response.once("close", () => {
    if (!response.writableFinished) gone.abort();
  });
  const body = await readBody(request, response, options.maxBodyBytes, options.bodies);
  return options.handler(requestOf(request, body, gone.signal));
}

/** What pages of an allowed origin may send; the origin itself is in the header beside it. */
const preflight: HttpResponse = {
  status: 204,
  headers: {
    "access-control-allow-methods": "GET, HEAD, POST, PUT, PATCH, DELETE",
    "access-control-allow-headers": "authorization, content-type, idempotency-key",
    "access-control-max-age": "600",
  },
  body: undefined,
};

function requestOf(request: IncomingMessage, body: Uint8Array, signal: AbortSignal): HttpRequest {
  // The absolute form, which proxies use, names the host once more.
  const target = (request.url ?? "/").replace(/^https?:\/\/[^/?]*/i, "");
  const at = target.indexOf("?");
  const remoteAddress = unmapped(request.socket.remoteAddress ?? "");
  return {
    method: request.method ?? "GET",
    path: (at < 0 ? target : target.slice(0, at)) || "/",
    query: new URLSearchParams(at < 0 ? "" : target.slice(at + 1)),
    headers: plainHeaders(request),
    body,
    remoteAddress,
    isLoopback: isLoopbackAddress(remoteAddress),
    signal,
  };
}

function plainHeaders(request: IncomingMessage): Record<string, string> {
  const plain: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const [name, value] of Object.entries(request.headers)) {
    if (value !== undefined) plain[name] = Array.isArray(value) ? value.join(", ") : value;
  }
  return plain;
}

/** Reads and drops the rest of a refused request, within a bound, before the connection ends. */
function endWithRequest(clock: Clock, request: IncomingMessage, response: ServerResponse): void {
  const timer = clock.schedule(lingerUs, () => response.destroy());
  response.once("close", () => timer.cancel());
  request.once("end", () => response.end());
  request.on("error", () => {});
  request.resume();
}

/** The error of a caller who exceeds what one request may bear. */
export function tooManyRequests(): MyelinError {
  return new MyelinError(
    "RESOURCE_EXHAUSTED",
    "too many requests are under way on this connection",
  );
}
