import { randomFillSync } from "node:crypto";
import type { Random } from "../../ports/random.ts";

const poolWords = 256;

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
  return {
    // 53 random bits, all that a double in [0, 1) can tell apart.
    float: () => ((word() >>> 5) * 2 ** 26 + (word() >>> 6)) / 2 ** 53,
    bytes: (count) => randomFillSync(new Uint8Array(count)),
  };
}
