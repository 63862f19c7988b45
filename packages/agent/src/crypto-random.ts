import type { Random } from "@myelin/core/random";

/** The platform's source of randomness; its bytes cannot be guessed. */
export const cryptoRandom: Random = {
  float: () => Math.random(),
  bytes: (count) => crypto.getRandomValues(new Uint8Array(count)),
};
