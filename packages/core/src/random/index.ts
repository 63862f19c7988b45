/** Source of randomness; a port, so that a run can be repeated from a seed. */
export interface Random {
  /** Uniform in [0, 1). */
  float(): number;
  /** `count` random bytes; unguessable where the adapter says so. */
  bytes(count: number): Uint8Array;
}

/** A repeatable source for simulation (xoshiro128**, Blackman and Vigna 2018); never for secrets. */
export function seededRandom(seed: number): Random {
  let [a, b, c, d] = [seed >>> 0, 0x9e3779b9, 0x243f6a88, 0xb7e15162];
  const next = (): number => {
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotate(d, 11);
    return result;
  };
  for (let warmUp = 0; warmUp < 16; warmUp++) next();
  return {
    float: () => next() / 2 ** 32,
    bytes: (count) => Uint8Array.from({ length: count }, () => next() & 255),
  };
}

function rotate(value: number, by: number): number {
  return (value << by) | (value >>> (32 - by));
}

const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** A random name of `length` characters of base64url, 6 bits each. */
export function randomName(random: Random, length: number): string {
  let name = "";
  for (const byte of random.bytes(length)) name += digits.charAt(byte & 63);
  return name;
}
