import { FrameWriter } from "@myelin/core/wire";

/** Stands for the time in a frame that is built once and sent often. */
const placeholderUs = 1_234_567_890_123_456;

/**
 * A frame built once, as it lies on a WebSocket from a client: masked with zeros, so that only its
 * times are written anew for each sending.
 */
export class PrebuiltFrame {
  readonly bytes: Buffer;
  readonly #timesAt: readonly number[];

  /** `write` puts the operations into the frame, with the time that it is given. */
  constructor(write: (writer: FrameWriter, timeUs: number) => void) {
    const writer = new FrameWriter();
    write(writer, placeholderUs);
    this.bytes = maskedFrame(writer.take());
    const placeholder = Buffer.alloc(8);
    placeholder.writeDoubleLE(placeholderUs);
    const timesAt: number[] = [];
    let at = this.bytes.indexOf(placeholder);
    for (; at >= 0; at = this.bytes.indexOf(placeholder, at + 8)) timesAt.push(at);
    this.#timesAt = timesAt;
  }

  /** Copies the frame into `target`, with its times; returns where it ends. */
  copyTo(target: Buffer, offset: number, timeUs: number): number {
    this.bytes.copy(target, offset);
    for (const at of this.#timesAt) target.writeDoubleLE(timeUs, offset + at);
    return offset + this.bytes.length;
  }
}

/** A whole message in one WebSocket frame from a client (RFC 6455, 5.2), masked with zeros. */
export function maskedFrame(payload: Uint8Array): Buffer {
  const { length } = payload;
  const head = Buffer.alloc(length < 126 ? 2 : length <= 0xffff ? 4 : 10);
  head[0] = 0x82;
  head[1] = 0x80 | (length < 126 ? length : length <= 0xffff ? 126 : 127);
  if (head.length === 4) head.writeUInt16BE(length, 2);
  if (head.length === 10) head.writeUInt32BE(length, 6);
  return Buffer.concat([head, Buffer.alloc(4), payload]);
}
