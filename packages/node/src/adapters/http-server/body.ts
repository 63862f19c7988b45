import type { IncomingMessage, ServerResponse } from "node:http";
import { MyelinError } from "@myelin/core/errors";

/** Bytes of request bodies held in memory at once, over all callers. */
export interface BodyBudget {
  heldBytes: number;
  readonly maxBytes: number;
}

const empty = new Uint8Array(0);

/**
 * Reads a request's body whole. What it holds counts against the budget until the answer is done.
 * @throws MyelinError PAYLOAD_TOO_LARGE, RESOURCE_EXHAUSTED, or CANCELED when the caller has gone
 */
export function readBody(
  request: IncomingMessage,
  response: ServerResponse,
  maxBytes: number,
  budget: BodyBudget,
): Promise<Uint8Array> {
  const declared = request.headers["content-length"];
  if (declared === undefined && request.headers["transfer-encoding"] === undefined) {
    request.resume();
    return Promise.resolve(empty);
  }
  if (Number(declared) > maxBytes) return Promise.reject(tooLarge(maxBytes));

  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  const onData = (chunk: Uint8Array): void => {
    const isTooLarge = sizeBytes + chunk.length > maxBytes;
    if (isTooLarge || budget.heldBytes + chunk.length > budget.maxBytes) {
      request.off("data", onData);
      chunks.length = 0;
      reject(isTooLarge ? tooLarge(maxBytes) : bodiesExhausted());
      return;
    }
    sizeBytes += chunk.length;
    budget.heldBytes += chunk.length;
    chunks.push(chunk);
  };
  request.on("data", onData);
  request.once("end", () =>
    resolve(chunks.length === 1 ? (chunks[0] ?? empty) : Buffer.concat(chunks)),
  );
  request.once("error", (cause) => {
    reject(
      new MyelinError("CANCELED", "the caller has gone before its request was whole", { cause }),
    );
  });
  response.once("close", () => {
    budget.heldBytes -= sizeBytes;
    sizeBytes = 0;
  });
  return promise;
}

function tooLarge(maxBytes: number): MyelinError {
  return new MyelinError("PAYLOAD_TOO_LARGE", `the body exceeds ${maxBytes} bytes`, {
    details: { maxBytes },
  });
}

function bodiesExhausted(): MyelinError {
  return new MyelinError("RESOURCE_EXHAUSTED", "the node holds too many request bodies at once");
}
