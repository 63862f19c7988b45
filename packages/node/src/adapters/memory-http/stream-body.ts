import type { HttpResponse, ResponseSource } from "../../ports/transport.ts";

/** What its reader has not taken counts as buffered; the writer is told when that is nothing any more. */
const highWaterMark = 1;

/** A body that goes on, as a stream: until its writer ends it, its reader cancels it or `signal` aborts it. */
export function streamBody(
  stream: NonNullable<HttpResponse["stream"]>,
  signal: AbortSignal,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let source: ResponseSource | undefined;
  let isOver = false;
  const over = (): void => {
    if (isOver) return;
    isOver = true;
    // Never from within a call to the sink: its writer may be in the midst of its work.
    queueMicrotask(() => source?.onEnd());
  };
  return new ReadableStream<Uint8Array>(
    {
      start: (controller) => {
        const fail = (reason: unknown): void => {
          if (!isOver) controller.error(reason);
          over();
        };
        signal.addEventListener("abort", () => fail(signal.reason), { once: true });
        source = stream({
          get bufferedBytes(): number {
            return highWaterMark - (controller.desiredSize ?? highWaterMark);
          },
          write: (content) => {
            if (isOver) return;
            controller.enqueue(typeof content === "string" ? encoder.encode(content) : content);
          },
          end: () => {
            if (!isOver) controller.close();
            over();
          },
          destroy: () => fail(new Error("the answer was cut off")),
        });
      },
      pull: () => {
        if (!isOver) source?.onDrain();
      },
      cancel: over,
    },
    new ByteLengthQueuingStrategy({ highWaterMark }),
  );
}
