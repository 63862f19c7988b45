/** Chunks from this size on are freed by hand; smaller ones are cheaper left to the collector. */
const freedFromBytes = 4096;

/**
 * Frees the memory of a chunk that a socket handed over and that nobody needs any more: so it never
 * counts as memory that the collector must win back. Views of it become empty.
 */
export function freeChunk(chunk: Uint8Array): void {
  const { buffer } = chunk;
  if (buffer.byteLength >= freedFromBytes && buffer.byteLength === chunk.length)
    (buffer as ArrayBuffer).transfer(0);
}
