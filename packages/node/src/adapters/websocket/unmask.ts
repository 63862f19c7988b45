const isLittleEndian = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;
/** Fewer words than this are done byte by byte: a view of them costs more. */
const leastWords = 8;

/**
 * Takes a client's mask off `bytes` from `from` to `to`, in place.
 * @param mask its four bytes, the first as the lowest
 * @param phase how many bytes of the payload came before
 */
export function unmask(
  bytes: Uint8Array,
  from: number,
  to: number,
  mask: number,
  phase: number,
): void {
  if (mask === 0) return;
  const turn = (phase & 3) * 8;
  // A shift by 32 is one by 0: without a turn both halves are the mask itself.
  let key = (mask >>> turn) | (mask << (32 - turn));
  let at = from;
  while (at < to && ((bytes.byteOffset + at) & 3) !== 0) {
    (bytes[at++] as number) ^= key & 255;
    key = (key >>> 8) | (key << 24);
  }
  const count = isLittleEndian ? (to - at) >> 2 : 0;
  if (count >= leastWords) {
    const words = new Int32Array(bytes.buffer, bytes.byteOffset + at, count);
    for (let index = 0; index < count; index++) (words[index] as number) ^= key;
    at += count * 4;
  }
  while (at < to) {
    (bytes[at++] as number) ^= key & 255;
    key = (key >>> 8) | (key << 24);
  }
}
