export const opcodes = {
  continuation: 0,
  text: 1,
  binary: 2,
  close: 8,
  ping: 9,
  pong: 10,
} as const;

const final = 0x80;

/** Bytes of the header of an unmasked frame with so many bytes of payload (RFC 6455, section 5.2). */
export function headerBytes(sizeBytes: number): number {
  return sizeBytes < 126 ? 2 : sizeBytes < 65_536 ? 4 : 10;
}

/** Writes the header of a whole, unmasked message. */
export function writeHeader(into: Buffer, opcode: number, sizeBytes: number): void {
  into[0] = final | opcode;
  if (sizeBytes < 126) {
    into[1] = sizeBytes;
  } else if (sizeBytes < 65_536) {
    into[1] = 126;
    into[2] = sizeBytes >>> 8;
    into[3] = sizeBytes;
  } else {
    into[1] = 127;
    into.writeUIntBE(0, 2, 4);
    into.writeUInt32BE(sizeBytes, 6);
  }
}

/** Longest reason of a close in bytes: a control frame has 125, two are the code's. */
const maxReasonBytes = 123;

/** A close with its code and reason; without a code for a peer that gave none. */
export function closeFrame(code: number | undefined, reason: string): Buffer {
  if (code === undefined) return controlFrame(opcodes.close, new Uint8Array(0));
  const payload = Buffer.alloc(2 + maxReasonBytes);
  payload.writeUInt16BE(code, 0);
  // What does not fit is left out by whole characters.
  const { written } = new TextEncoder().encodeInto(reason, payload.subarray(2));
  return controlFrame(opcodes.close, payload.subarray(0, 2 + written));
}

/** The answer to a ping. */
export function pongFrame(payload: Uint8Array): Buffer {
  return controlFrame(opcodes.pong, payload);
}

function controlFrame(opcode: number, payload: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(2 + payload.length);
  writeHeader(frame, opcode, payload.length);
  frame.set(payload, 2);
  return frame;
}
