import type { ChannelEnd, ChannelHandler } from "@myelin/core/channel";

interface Wait {
  readonly isMet: () => boolean;
  readonly resolve: () => void;
}

/** Hears a channel and remembers everything, so that tests can await what they expect. */
export class Recorder implements ChannelHandler {
  readonly frames: Uint8Array[] = [];
  /** Every callback, in order. */
  readonly calls: ("open" | "frame" | "drain" | "end")[] = [];
  end: ChannelEnd | undefined;
  receivedBytes = 0;
  drains = 0;
  /** Called for each frame, after it was noted. */
  react: ((frame: Uint8Array) => void) | undefined;
  #waits: Wait[] = [];

  onOpen(): void {
    this.#note("open");
  }

  onFrame(frame: Uint8Array): void {
    this.frames.push(new Uint8Array(frame));
    this.receivedBytes += frame.length;
    this.react?.(frame);
    this.#note("frame");
  }

  onDrain(): void {
    this.drains++;
    this.#note("drain");
  }

  onEnd(end: ChannelEnd): void {
    this.end = end;
    this.#note("end");
  }

  /** Resolves as soon as `isMet` holds; looked at on every callback. */
  until(isMet: () => boolean): Promise<void> {
    if (isMet()) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waits.push({ isMet, resolve });
    return promise;
  }

  opened(): Promise<void> {
    return this.until(() => this.calls.includes("open"));
  }

  received(count: number): Promise<void> {
    return this.until(() => this.frames.length >= count);
  }

  async ended(): Promise<ChannelEnd> {
    await this.until(() => this.end !== undefined);
    return this.end ?? { reason: "" };
  }

  #note(call: "open" | "frame" | "drain" | "end"): void {
    this.calls.push(call);
    const waits = this.#waits;
    this.#waits = [];
    for (const wait of waits) {
      if (wait.isMet()) wait.resolve();
      else this.#waits.push(wait);
    }
  }
}
