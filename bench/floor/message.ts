/**
 * The messages of the echo that is the floor of latency: nothing but sizes and a time.
 *
 * Bytes 0–3: size of the message itself, 4–7: size of the reply wanted, 8–15: time it was meant to
 * be sent, microseconds as a double; all little-endian. The rest is padding.
 */
export const leastMessageBytes = 16;

/** A message of `sizeBytes` that asks for a reply of `replyBytes`. */
export function writeMessage(sizeBytes: number, replyBytes: number, intendedUs: number): Buffer {
  const message = Buffer.allocUnsafe(sizeBytes);
  message.writeUInt32LE(sizeBytes, 0);
  message.writeUInt32LE(replyBytes, 4);
  message.writeDoubleLE(intendedUs, 8);
  return message;
}

/** The reply that `message` asks for; the message itself when the sizes are equal. */
export function replyTo(message: Buffer): Buffer {
  const replyBytes = message.readUInt32LE(4);
  if (replyBytes === message.length) return message;
  return writeMessage(replyBytes, 0, intendedUsOf(message));
}

/** When the message, or the one it replies to, was meant to be sent. */
export function intendedUsOf(message: Buffer): number {
  return message.readDoubleLE(8);
}

/** Cuts a stream of messages; returns the function that takes its chunks. */
export function cutMessages(onMessage: (message: Buffer) => void): (chunk: Buffer) => void {
  let rest: Buffer | undefined;
  return (chunk) => {
    const bytes = rest === undefined ? chunk : Buffer.concat([rest, chunk]);
    let at = 0;
    while (bytes.length - at >= 4) {
      const end = at + bytes.readUInt32LE(at);
      if (end > bytes.length) break;
      onMessage(bytes.subarray(at, end));
      at = end;
    }
    rest = at < bytes.length ? bytes.subarray(at) : undefined;
  };
}
