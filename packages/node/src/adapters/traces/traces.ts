import type { Instruction } from "../../instruction/index.ts";
import type { NodeIdentity } from "../../session/index.ts";
import { endpointOf } from "./endpoint.ts";
import { type TraceFigures, type TraceListener, TraceQueue } from "./trace-queue.ts";

/** Where traces go. */
export interface TraceOptions {
  /** A collector's address for OTLP over HTTP, such as `http://127.0.0.1:4318`. */
  readonly url: string;
  /** Share of the instructions without a caller's trace that are traced, 0 to 1; all unless given. */
  readonly share?: number;
}

/** Traces of instructions, one for each, made when it has ended. */
export interface Traces {
  readonly figures: TraceFigures;
  /** An instruction has ended, and is on disk or will not be. */
  settled(instruction: Instruction, isKept: boolean, nowUs: number): void;
  /** Sends what waits, for at most so long. */
  close(withinMs: number): Promise<void>;
}

/** A batch that the collector has not taken by then is dropped; until then it is tried again. */
const timeoutMillis = 5000;

/**
 * Opens the way to a collector. The libraries are loaded here, so that nobody else pays for them.
 * @throws MyelinError INVALID_ARGUMENT for an address that is none
 */
export async function openTraces(
  { url, share = 1 }: TraceOptions,
  node: NodeIdentity,
  listener: TraceListener,
): Promise<Traces> {
  const endpoint = endpointOf(url);
  const [{ OTLPTraceExporter }, sdk, { resourceFromAttributes }, { createTracing }] =
    await Promise.all([
      import("@opentelemetry/exporter-trace-otlp-http"),
      import("@opentelemetry/sdk-trace"),
      import("@opentelemetry/resources"),
      import("./instruction-trace.ts"),
    ]);
  const queue = new TraceQueue(new OTLPTraceExporter({ ...endpoint, timeoutMillis }), listener);
  const provider = new sdk.TracerProvider({
    sampler: new sdk.ParentBasedSampler({ root: new sdk.TraceIdRatioBasedSampler(share) }),
    resource: resourceFromAttributes({
      "service.name": "myelin",
      "service.version": node.version,
      "service.instance.id": node.id,
      "myelin.tier": node.tier,
    }),
    spanProcessors: [queue],
  });
  const trace = createTracing(provider.getTracer("myelin", node.version));
  return {
    get figures() {
      return queue.figures;
    },
    settled: (instruction, isKept, nowUs) => {
      if (!queue.begin()) return;
      trace(instruction, isKept, nowUs);
      queue.seal();
    },
    close: async (withinMs) => {
      await queue.drain(withinMs);
      // It waits for what is under way, which is dropped by now.
      provider.shutdown().catch(() => undefined);
    },
  };
}
