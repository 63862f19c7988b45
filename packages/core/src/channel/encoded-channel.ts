import { type Encoding, encodingNamed } from "../wire/index.ts";
import type { Channel } from "./channel.ts";

/**
 * The channel, to be handed frames as FrameWriter makes them whatever its encoding is. What arrives is
 * read by `encodingNamed(channel.encoding)`, by whoever takes it, so that bulk can wait unread.
 */
export function encodedChannel(channel: Channel): Channel {
  const { encoding = "proto" } = channel;
  return encoding === "proto" ? channel : new EncodedChannel(channel, encodingNamed(encoding));
}

class EncodedChannel implements Channel {
  readonly encoding: Encoding["name"];
  readonly #channel: Channel;
  readonly #encode: Encoding["encode"];

  constructor(channel: Channel, encoding: Encoding) {
    this.encoding = encoding.name;
    this.#channel = channel;
    this.#encode = encoding.encode;
  }

  get bufferedBytes(): number {
    return this.#channel.bufferedBytes;
  }

  send(frame: Uint8Array): void {
    this.#channel.send(this.#encode(frame));
  }

  pause(): void {
    this.#channel.pause();
  }

  resume(): void {
    this.#channel.resume();
  }

  close(): void {
    this.#channel.close();
  }

  destroy(): void {
    this.#channel.destroy();
  }
}
