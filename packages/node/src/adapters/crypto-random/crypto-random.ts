import { randomFillSync } from "node:crypto";
import type { Random } from "../../ports/random.ts";

const poolWords = 256;
/** Bytes are drawn from the system so many at a time: a call for each name of a session takes 8 µs. */
const drawnBytes = 4096;

/** Unguessable randomness of the operating system. */
export function cryptoRandom(): Random {
  const pool = new Uint32Array(poolWords);
  let next = poolWords;
  const word = (): number => {
    if (next === poolWords) {
      randomFillSync(pool);
      next = 0;
    }
    return pool[next++] ?? 0;
  };
  const drawn = new Uint8Array(drawnBytes);
  let nextByte = drawnBytes;
  const bytes = (count: number): Uint8Array => {
    if (count > drawnBytes) return randomFillSync(new Uint8Array(count));
    if (nextByte + count > drawnBytes) {
      randomFillSync(drawn);
      nextByte = 0;
    }
    const taken = drawn.slice(nextByte, nextByte + count);
    // What was handed out is nowhere else: it may be a secret.
    drawn.fill(0, nextByte, nextByte + count);
    nextByte += count;
    return taken;
  };
  return {
    // 53 random bits, all that a double in [0, 1) can tell apart.
    float: () => ((word() >>> 5) * 2 ** 26 + (word() >>> 6)) / 2 ** 53,
    bytes,
  };
}
