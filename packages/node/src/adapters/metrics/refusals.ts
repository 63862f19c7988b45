import type { ErrorCode } from "@myelin/core/errors";
import type { MetricValue } from "./row.ts";

/** Counts callers that a transport did not take, by transport and code. */
export class Refusals {
  readonly #counts = new Map<string, Map<ErrorCode, number>>(
    ["http", "unix", "websocket"].map((transport) => [
      transport,
      new Map([["RESOURCE_EXHAUSTED", 0]] as const),
    ]),
  );

  count(transport: string, code: ErrorCode): void {
    const counts = this.#counts.get(transport) ?? new Map<ErrorCode, number>();
    this.#counts.set(transport, counts.set(code, (counts.get(code) ?? 0) + 1));
  }

  values(): MetricValue[] {
    return [...this.#counts].flatMap(([transport, counts]) =>
      [...counts].map(([code, count]): MetricValue => [{ transport, code }, count]),
    );
  }
}
