import { MyelinError } from "@myelin/core/errors";
import type { HttpHandler, HttpRequest, HttpResponse } from "../../ports/transport.ts";
import { streamBody } from "./stream-body.ts";

/** Who answers requests from within the process, and within which bound. */
export interface MemoryFetchOptions {
  readonly handler: HttpHandler;
  /** A longer body is answered with PAYLOAD_TOO_LARGE. */
  readonly maxBodyBytes: number;
  /** Told the status of each answer. */
  readonly onAnswer?: (status: number) => void;
}

/** What a path is completed by; a whole URL is taken for its path and query. */
const base = "http://memory";

/**
 * Asks a handler as `fetch` asks a server, without a socket: paths such as `/api/v1/rules` are enough.
 * It rejects with the reason of the request's signal, and with nothing else that a handler does.
 */
export function createMemoryFetch(options: MemoryFetchOptions): typeof fetch {
  const { handler, maxBodyBytes, onAnswer } = options;
  return async (input, init) => {
    const request = new Request(typeof input === "string" ? new URL(input, base) : input, init);
    const body = new Uint8Array(await request.arrayBuffer());
    request.signal.throwIfAborted();
    const answered =
      body.length > maxBodyBytes ? tooLarge(maxBodyBytes) : handler(asked(request, body));
    const answer = await beforeAbort(answered.catch(errorAnswer), request.signal);
    onAnswer?.(answer.status);
    return responseOf(answer, request);
  };
}

function asked({ url, method, headers, signal }: Request, body: Uint8Array): HttpRequest {
  const { pathname: path, searchParams: query } = new URL(url);
  return {
    method,
    path,
    query,
    headers: Object.fromEntries(headers),
    body,
    remoteAddress: "memory",
    isLoopback: true,
    signal,
  };
}

function responseOf({ status, headers, body, stream }: HttpResponse, request: Request): Response {
  const init = {
    status,
    headers: { "content-type": "application/json; charset=utf-8", ...headers },
  };
  if (stream === undefined || request.method === "HEAD")
    return new Response(request.method === "HEAD" ? null : (body ?? null), init);
  return new Response(streamBody(stream, request.signal), init);
}

/** Rejects with the signal's reason when it comes first. */
async function beforeAbort<Result>(promise: Promise<Result>, signal: AbortSignal): Promise<Result> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

async function tooLarge(maxBytes: number): Promise<never> {
  throw new MyelinError("PAYLOAD_TOO_LARGE", `the body exceeds ${maxBytes} bytes`, {
    details: { maxBytes },
  });
}

function errorAnswer(thrown: unknown): HttpResponse {
  const error = MyelinError.from(thrown);
  return { status: error.httpStatus, body: JSON.stringify(error) };
}
