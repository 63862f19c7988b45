/**
 * What the attacker sends: the input of a place in a campaign is a function of its seed, its place and
 * its encoding alone, so that any of them can be made again.
 */
import { encode } from "@msgpack/msgpack";
import { type Random, seededRandom } from "@myelin/core/random";
import { type EncodingName, encodingNames } from "@myelin/core/wire";
import { corpus } from "./corpus.ts";
import { Dice } from "./dice.ts";
import { type PiecedFrame, type PieceKind, piecesOf, type Spoil, varint } from "./pieces.ts";

/** One frame to be sent. */
export interface Input {
  readonly encoding: EncodingName;
  readonly bytes: Buffer;
  /** True when it is the first on its connection, before any hello. */
  readonly isFirst: boolean;
  /** What was done to which frame. */
  readonly made: string;
}

/** Numbers at which things break. */
const numbers: readonly number[] = [
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  2 ** 53 + 1,
  2 ** 53 - 1,
  -(2 ** 53),
  2 ** 32,
  2 ** 31,
  -1,
  -0,
  0,
  1e308,
  -1e308,
  5e-324,
  0.5,
];
/** Texts at which things break. */
const texts: readonly string[] = [
  "",
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "../../etc/passwd",
  "..%2f..%2f",
  "a\r\nb: c",
  "\u0000",
  "\u001b[2J",
  "\u2028",
  "\ud800",
  "🦊",
  "a".repeat(129),
  "a".repeat(5000),
  "${twin.mode}",
  "0123456789012345678901",
  "NaN",
  "1e999",
  "9007199254740993",
];
const depths: readonly number[] = [2, 15, 33, 65, 400, 5000];
const none = Buffer.alloc(0);

const double = (value: number): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return bytes;
};

type MakeSpoil = (dice: Dice) => Spoil;

/** Another value of the same kind, so that the frame is well-formed and only what it says is odd. */
const values: Readonly<Record<EncodingName, Partial<Readonly<Record<PieceKind, MakeSpoil>>>>> = {
  proto: {
    number: (dice) => () =>
      varint(dice.pick([0n, 1n, 2n, 3n, 5n, 100n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 53n - 1n])),
    double: (dice) => () => double(dice.pick(numbers)),
    text: (dice) => () => Buffer.from(dice.pick(texts)),
    bytes: (dice) => (piece) => {
      const bytes = Buffer.from(piece);
      if (bytes.length > 0) bytes[dice.below(bytes.length)] = dice.below(256);
      return bytes;
    },
  },
  msgpack: {
    number: (dice) => () => Buffer.from(encode(dice.pick(numbers))),
    text: (dice) => () => Buffer.from(encode(dice.pick(texts))),
    key: (dice) => () => Buffer.from(encode(dice.pick(texts))),
    bytes: (dice) => () => Buffer.from(encode(dice.bytes(8 * dice.below(8)))),
  },
  json: {
    number: (dice) => () => Buffer.from(JSON.stringify(String(dice.pick(numbers)))),
    text: (dice) => () => Buffer.from(JSON.stringify(dice.pick(texts))),
    key: (dice) => () => Buffer.from(JSON.stringify(dice.pick(texts))),
  },
};

/** Ways to spoil a piece that keep to the form of the encoding, more or less. */
const spoils: Readonly<Record<EncodingName, Readonly<Record<string, MakeSpoil>>>> = {
  proto: {
    number: (dice) => () => varint(dice.pick([0n, 2n ** 31n, 2n ** 53n + 1n, 2n ** 64n - 1n])),
    double: (dice) => () => double(dice.pick(numbers)),
    column: (dice) => (piece) =>
      Buffer.concat([piece, ...Array.from({ length: 1 + dice.below(64) }, () => double(0.5))]),
    text: (dice) => () => Buffer.from(dice.pick(texts)),
    "huge length": (dice) => (piece) =>
      Buffer.concat([piece.subarray(0, 1), varint(2n ** BigInt(20 + dice.below(44))), piece]),
    nesting: (dice) => (piece) => nested(dice.pick(depths), piece),
    group: (dice) => () => Buffer.alloc(dice.pick(depths), 0x4b),
    field: (dice) => (piece) => Buffer.concat([varint(BigInt(dice.below(200))), piece]),
  },
  msgpack: {
    number: (dice) => () => Buffer.from(encode(dice.pick(numbers))),
    "large number": () => () => Buffer.from("cf0020000000000001", "hex"),
    text: (dice) => () => Buffer.from(encode(dice.pick(texts))),
    "huge list": (dice) => () => Buffer.from([dice.pick([0xdd, 0xdf, 0xdb, 0xc6]), 127, 255, 9, 9]),
    nesting: (dice) => (piece) =>
      Buffer.concat([Buffer.alloc(dice.pick(depths), dice.pick([0x91, 0x81])), piece]),
    extension: (dice) => () => Buffer.from([dice.pick([0xc7, 0xc8, 0xd4, 0xd8, 0xc1]), 1, 2, 3]),
    "keys of nobody": () => () =>
      Buffer.from(encode(JSON.parse('{"__proto__":{"constructor":1}}'))),
    bytes: (dice) => () => Buffer.from(encode(dice.bytes(dice.below(40)))),
  },
  json: {
    number: (dice) => () =>
      Buffer.from(dice.pick([...numbers.map(String), "1e999", "-1e999", "9007199254740993"])),
    text: (dice) => () => Buffer.from(JSON.stringify(dice.pick(texts))),
    "broken text": (dice) => () =>
      Buffer.from(dice.pick(['"\\ud800"', '"\\u0000\\r\\n"', '"\\x"', '"', '"\n"'])),
    nesting: (dice) => (piece) => {
      const depth = dice.pick(depths);
      const [open, close] = dice.pick([
        ["[", "]"],
        ['{"a":', "}"],
      ]);
      return Buffer.concat([
        Buffer.from((open ?? "").repeat(depth)),
        piece,
        Buffer.from((close ?? "").repeat(depth)),
      ]);
    },
    "keys of nobody": () => () => Buffer.from('{"__proto__":{"constructor":{"x":1}}}'),
    "twice the key": () => (piece) => Buffer.concat([piece, Buffer.from(":1,"), piece]),
    word: (dice) => () => Buffer.from(dice.pick(["null", "true", "[]", "{}", "NaN", "undefined"])),
    list: (dice) => (piece) =>
      Buffer.from(
        `[${Array(1 + dice.below(50))
          .fill(piece.toString("latin1"))
          .join(",")}]`,
        "latin1",
      ),
  },
};

/** Values in lists in values, as the schema nests them, with the right lengths. */
function nested(depth: number, piece: Buffer): Buffer {
  let inner = piece;
  for (let level = 0; level < Math.min(depth, 400); level++)
    inner = Buffer.concat([Buffer.from([0x32]), varint(BigInt(inner.length)), inner]);
  return inner;
}

/** Ways to spoil bytes without a look at what they mean. */
const blind: Readonly<Record<string, (dice: Dice, frame: Buffer, other: Buffer) => Buffer>> = {
  flip: (dice, frame) => {
    const bytes = Buffer.from(frame);
    for (let flips = 1 + dice.below(4); flips > 0 && bytes.length > 0; flips--) {
      const at = dice.below(bytes.length);
      bytes[at] = (bytes[at] ?? 0) ^ (1 << dice.below(8));
    }
    return bytes;
  },
  overwrite: (dice, frame) => {
    const bytes = Buffer.from(frame);
    dice.bytes(1 + dice.below(8)).copy(bytes, dice.below(bytes.length + 1));
    return bytes;
  },
  cut: (dice, frame) => frame.subarray(0, dice.below(frame.length + 1)),
  repeat: (dice, frame) => {
    const from = dice.below(frame.length + 1);
    const piece = frame.subarray(from, from + 1 + dice.below(60));
    const times = dice.below(20) === 0 ? 500 : 1 + dice.below(6);
    return Buffer.concat([
      frame.subarray(0, from),
      ...Array(times).fill(piece),
      frame.subarray(from),
    ]);
  },
  splice: (dice, frame, other) =>
    Buffer.concat([
      frame.subarray(0, dice.below(frame.length + 1)),
      other.subarray(dice.below(other.length + 1)),
    ]),
  join: (_, frame, other) => Buffer.concat([frame, other]),
  random: (dice) => dice.bytes(dice.below(200)),
};

const always: Readonly<Record<string, MakeSpoil>> = {
  gone: () => () => none,
  twice: (dice) => (piece) => Buffer.concat(Array(2 + dice.below(6)).fill(piece)),
};

/** Makes inputs of one encoding. */
class Maker {
  readonly #encoding: EncodingName;
  readonly #names: readonly string[];
  readonly #frames: readonly PiecedFrame[];
  readonly #spoils: readonly [string, MakeSpoil][];

  constructor(encoding: EncodingName) {
    this.#encoding = encoding;
    this.#names = [...corpus.keys()];
    this.#frames = [...corpus.values()].map((frame) => piecesOf(encoding, frame));
    this.#spoils = Object.entries({ ...spoils[encoding], ...always });
  }

  make(dice: Dice): Input {
    const at = dice.below(this.#frames.length);
    const frame = this.#frames[at] as PiecedFrame;
    const made = [this.#names[at] ?? ""];
    const isFirst = dice.below(12) === 0;
    const way = dice.below(20);
    let bytes = frame.bytes;
    if (way < 14) bytes = this.#spoilPiece(dice, frame, made);
    if (way >= 13 && way < 19)
      for (let times = 1 + dice.below(2); times > 0; times--)
        bytes = this.#spoilBlindly(dice, bytes, made);
    return { encoding: this.#encoding, bytes, isFirst, made: made.join(", ") };
  }

  #spoilPiece(dice: Dice, frame: PiecedFrame, made: string[]): Buffer {
    const piece = dice.below(frame.kinds.length);
    const kind = frame.kinds[piece] ?? "tree";
    const another = values[this.#encoding][kind];
    const [name, spoil] =
      another !== undefined && dice.below(4) > 0 ? [kind, another] : dice.pick(this.#spoils);
    made.push(`${name} at ${piece}`);
    return frame.spoiled(piece, spoil(dice));
  }

  #spoilBlindly(dice: Dice, bytes: Buffer, made: string[]): Buffer {
    const [name, spoil] = dice.pick(Object.entries(blind));
    made.push(name);
    return spoil(dice, bytes, dice.pick(this.#frames).bytes);
  }
}

const makers: Readonly<Record<EncodingName, Maker>> = {
  proto: new Maker("proto"),
  msgpack: new Maker("msgpack"),
  json: new Maker("json"),
};

/** The input at a place of the campaign with that seed; the encodings take turns unless one is named. */
export function inputAt(seed: number, at: number, encoding?: EncodingName): Input {
  const name = encoding ?? encodingNames[at % encodingNames.length] ?? "proto";
  const mixed = Math.imul(seed ^ Math.imul(at + 1, 0x9e3779b1), 0x85ebca6b) ^ (at >>> 7);
  return makers[name].make(new Dice(seededRandom(mixed)));
}

/** Another input made of a kept one, without a look at what it means. */
export function spoilKept(kept: Input, others: readonly Input[], random: Random): Input {
  const dice = new Dice(random);
  const alike = others.filter(({ encoding }) => encoding === kept.encoding);
  const [name, spoil] = dice.pick(Object.entries(blind));
  const bytes = spoil(dice, kept.bytes, dice.pick(alike).bytes);
  return { ...kept, bytes, made: `${kept.made}, ${name}` };
}
