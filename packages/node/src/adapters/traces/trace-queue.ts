/**
 * Traces on their way to a collector.
 *
 * Invariants
 * 1. What waits, and what is on its way, is bounded; a trace that finds no room is dropped whole, and counted.
 * 2. A turn of the loop writes few traces, so that it is not held up.
 * 3. That a collector takes nothing is told once, until it takes something again.
 */
import type { ReadableSpan, SpanExporter, SpanProcessor } from "@opentelemetry/sdk-trace";

/** How the traces fare. */
export interface TraceFigures {
  /** Traces taken by the collector. */
  readonly exported: number;
  /** Traces given up, by why: too many waited, or the collector did not take them. */
  readonly dropped: Readonly<Record<"queue" | "export", number>>;
  readonly waiting: number;
  readonly capacity: number;
}

/** Who is told how sending goes. */
export interface TraceListener {
  /** Told once, until traces are taken again. */
  onRefused(error: unknown): void;
  onTaken(): void;
}

type Trace = readonly ReadableSpan[];

const capacity = 4096;
const tracesAtOnce = 16;
const maxUnderWay = 8;
const delayMs = 200;

/** Takes the spans of one trace after the other, between `begin` and `seal`. */
export class TraceQueue implements SpanProcessor {
  readonly #exporter: SpanExporter;
  readonly #listener: TraceListener;
  #waiting: Trace[] = [];
  #spans: ReadableSpan[] = [];
  #underWay = 0;
  #tracesUnderWay = 0;
  #timer: NodeJS.Timeout | undefined;
  #exported = 0;
  readonly #dropped = { queue: 0, export: 0 };
  #isRefused = false;
  #onIdle: (() => void) | undefined;

  constructor(exporter: SpanExporter, listener: TraceListener) {
    this.#exporter = exporter;
    this.#listener = listener;
  }

  get figures(): TraceFigures {
    return {
      exported: this.#exported,
      dropped: { ...this.#dropped },
      waiting: this.#size,
      capacity,
    };
  }

  /** False when there is no room for another trace. */
  begin(): boolean {
    if (this.#size < capacity) return true;
    this.#dropped.queue += 1;
    return false;
  }

  onStart(): void {}

  onEnd(span: ReadableSpan): void {
    this.#spans.push(span);
  }

  /** The trace is complete; one that is not sampled has no spans. */
  seal(): void {
    if (this.#spans.length === 0) return;
    this.#waiting.push(this.#spans);
    this.#spans = [];
    this.#timer ??= setTimeout(() => this.#send(), delayMs).unref();
  }

  /** Sends all that waits, for at most so long; what is left then is dropped. */
  async drain(withinMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onIdle = resolve;
    const bound = setTimeout(resolve, withinMs);
    this.#send();
    await promise;
    clearTimeout(bound);
    clearTimeout(this.#timer);
    this.#dropped.export += this.#size;
    this.#waiting = [];
  }

  async forceFlush(): Promise<void> {}

  async shutdown(): Promise<void> {
    await this.#exporter.shutdown();
  }

  get #size(): number {
    return this.#waiting.length + this.#tracesUnderWay;
  }

  #send(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#waiting.length > 0 && this.#underWay < maxUnderWay) {
      this.#sendSome(this.#waiting.splice(0, tracesAtOnce));
      if (this.#waiting.length > 0) this.#timer = setTimeout(() => this.#send(), 0).unref();
    }
    if (this.#size === 0) this.#onIdle?.();
  }

  #sendSome(traces: readonly Trace[]): void {
    this.#underWay += 1;
    this.#tracesUnderWay += traces.length;
    this.#exporter.export(traces.flat(), ({ code, error }) => {
      this.#underWay -= 1;
      this.#tracesUnderWay -= traces.length;
      const isTaken = code === 0;
      if (isTaken) this.#exported += traces.length;
      else this.#dropped.export += traces.length;
      this.#tell(isTaken, error);
      this.#send();
    });
  }

  #tell(isTaken: boolean, error: unknown): void {
    if (isTaken === !this.#isRefused) return;
    this.#isRefused = !isTaken;
    if (isTaken) this.#listener.onTaken();
    else this.#listener.onRefused(error);
  }
}
