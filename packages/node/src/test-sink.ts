import type { JsonObject } from "@myelin/core/json";
import type { ResponseSink, ResponseSource } from "./ports/transport.ts";

/** An event as a watcher reads it. */
export interface ReadEvent {
  readonly name: string;
  readonly id: string;
  readonly data: JsonObject;
}

/** Where a watcher's answer goes; the network takes nothing until it is told to. */
export class TestSink implements ResponseSink {
  bufferedBytes = 0;
  text = "";
  isEnded = false;
  isDestroyed = false;
  /** How often something was written. */
  writes = 0;
  source: ResponseSource | undefined;
  isBlocked = false;

  write(text: string): void {
    this.writes += 1;
    this.text += text;
    if (this.isBlocked) this.bufferedBytes += text.length;
  }

  end(): void {
    this.isEnded = true;
  }

  destroy(): void {
    this.isDestroyed = true;
  }

  /** The network has taken all. */
  take(): void {
    this.isBlocked = false;
    this.bufferedBytes = 0;
    this.source?.onDrain();
  }

  /** The caller has gone. */
  leave(): void {
    this.source?.onEnd();
  }

  get blocks(): readonly string[] {
    return this.text.split("\n\n").filter((block) => block !== "");
  }

  /** All events written, in their order. */
  get events(): readonly ReadEvent[] {
    return this.blocks.flatMap((block) => {
      const field = (name: string): string =>
        block
          .split("\n")
          .find((line) => line.startsWith(`${name}: `))
          ?.slice(name.length + 2) ?? "";
      const data = field("data");
      return data === ""
        ? []
        : [{ name: field("event"), id: field("id"), data: JSON.parse(data) as JsonObject }];
    });
  }

  /** The latest cursor written. */
  get lastId(): string {
    return [...this.text.matchAll(/^id: (.+)$/gm)].at(-1)?.[1] ?? "";
  }
}
