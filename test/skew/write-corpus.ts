// Wrote the frozen frames in corpus/: `node test/skew/write-corpus.ts`. A frame that is there stays as it is,
// whatever this says later; frames of other names are added, and a new minor version has files of its own.
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

/** A field by its number: a text, a double (`d`), a whole number, true, bytes, or a message of fields. */
type Value = string | number | true | Uint8Array | { readonly d: number } | Fields;
type Fields = readonly (readonly [number, Value])[];
type Frames = Readonly<Record<string, Fields>>;

/** Minor versions: one that lacked much, the one of the first release, and one that is imagined. */
type Minor = "0.0" | "0.1" | "0.2";

const startUs = 1_795_000_000_000_000;
const id = "INSTRUCTION-ID-0000000";
const at = (seconds: number): Value => ({ d: startUs + seconds * 1e6 });

/** What 0.2 adds to each message: fields of every wire type under numbers that 0.1 does not know. */
const later: Fields = [
  [100, "later"],
  [101, Number.MAX_SAFE_INTEGER],
  [102, [[1, [[1, { d: 0.5 }]]]]],
  [103, { d: Number.NaN }],
  [104, Uint8Array.of(0xff, 0xfe)],
];

function build(fields: Fields): BinaryWriter {
  const writer = new BinaryWriter();
  for (const [number, value] of fields) {
    if (typeof value === "string") writer.tag(number, WireType.LengthDelimited).string(value);
    else if (value === true) writer.tag(number, WireType.Varint).bool(true);
    else if (typeof value === "number") writer.tag(number, WireType.Varint).uint64(BigInt(value));
    else if (value instanceof Uint8Array) writer.tag(number, WireType.LengthDelimited).bytes(value);
    else if ("d" in value) writer.tag(number, WireType.Bit64).double(value.d);
    else writer.tag(number, WireType.LengthDelimited).bytes(build(value).finish());
  }
  return writer;
}

/** Fields of a message, as the minor version has them: those that 0.0 lacked, and those that 0.2 adds. */
function says(minor: Minor, always: Fields, since01: Fields = []): Fields {
  if (minor === "0.0") return always;
  return [...always, ...since01, ...(minor === "0.2" ? later : [])];
}

/** A frame of operations by kind and content; 0.2 has others beside them that 0.1 never heard of. */
function frame(minor: Minor, operations: Fields, sequence = 0): Fields {
  const wrapped = operations.map((operation): Fields[number] => [1, [operation]]);
  const header: Fields = sequence === 0 ? [] : [[3, sequence]];
  if (minor === "0.0") return wrapped;
  if (minor === "0.1") return [...header, ...wrapped];
  return [[1, [[90, later]]], ...header, ...wrapped, [1, [[91, "a new kind"]]], ...later];
}

const doubles = (...values: number[]): Uint8Array =>
  new Uint8Array(Float64Array.from(values).buffer);
const json = (key: string, text: string): Fields => [
  [
    1,
    [
      [1, key],
      [2, [[3, text]]],
    ],
  ],
];

function agentFrames(minor: Minor): Frames {
  const say = (always: Fields, since01?: Fields): Fields => says(minor, always, since01);
  const action = say([[1, "work"]], [[2, true]]);
  const acknowledged = (status: number, seconds: number, outcome: Fields): Fields =>
    say(
      [[1, id], [2, status], ...outcome, [5, at(1)]],
      [
        [6, at(1)],
        [7, at(seconds)],
        [9, "work"],
      ],
    );
  const hello = say(
    [
      [1, 1],
      [2, "skewed"],
      [3, "worker"],
      [4, "app"],
      [5, "life-1"],
      [9, action],
      [14, at(0)],
    ],
    [
      [6, "device"],
      [7, "sees"],
      [
        8,
        [
          [1, "zone"],
          [2, "a"],
        ],
      ],
      [
        10,
        [
          [1, "myelin-js"],
          [2, `${minor}.0`],
        ],
      ],
      [15, "line-1"],
    ],
  );
  const names = (number: number, name: string): Fields[number] => [
    1,
    [
      [1, number],
      [2, name],
    ],
  ];
  const samples = say([
    names(1, "cpu_usage"),
    [2, at(0.1)],
    [3, Uint8Array.of(1)],
    [4, doubles(0.5)],
  ]);
  const hot = say(
    [
      [2, at(0.2)],
      [3, Uint8Array.of(1, 1)],
      [4, doubles(0.6, 0.97)],
    ],
    [[5, Uint8Array.of(0, 9)]],
  );
  return {
    hello: frame(minor, [[1, hello]]),
    ping: frame(minor, [[3, say([[1, at(0.05)]], [[2, "line-1"]])]]),
    samples: frame(minor, [[5, samples]], 1),
    "event and state": frame(
      minor,
      [
        [
          6,
          say([
            [1, "tool_call"],
            [2, json("tool", "search")],
            [3, at(0.15)],
          ]),
        ],
        [
          7,
          say([
            [1, 1],
            [2, true],
            [3, json("mode", "busy")],
            [4, at(0.15)],
          ]),
        ],
      ],
      2,
    ),
    "hot samples": frame(minor, [[5, hot]], 3),
    received: frame(minor, [[9, acknowledged(1, 0, [])]]),
    executed: frame(minor, [[9, acknowledged(2, 1.5, [[3, [[3, "done"]]]])]]),
    goodbye: frame(minor, [[14, say([[2, "the agent leaves"]])]]),
    ...(minor === "0.0" ? {} : packingFrames(minor, hello)),
  };
}

/** Of an agent that packs its samples and resumes its session, which 0.0 did not. */
function packingFrames(minor: Minor, hello: Fields): Frames {
  const say = (fields: Fields): Fields => says(minor, fields);
  const byHundredths: Fields = [
    [1, 1],
    [2, 5],
    [3, { d: 0.01 }],
    [4, { d: 0.5 }],
  ];
  const resume: Fields = [
    [1, "SESSION-ID-00000000000"],
    [2, "RESUME-TOKEN-0000000000000000000"],
  ];
  // Steps of 0 and 1,000 us; then the same step once more.
  const packed = say([
    [1, 1],
    [2, true],
    [3, 2],
    [4, Uint8Array.of(1)],
    [5, at(0.3)],
    [7, Uint8Array.of(0, 0, 0xd0, 0x0f)],
    [8, byHundredths],
    [10, Uint8Array.of(0, 10)],
  ]);
  const next = (version: number): Fields =>
    say([
      [1, version],
      [3, 1],
      [7, Uint8Array.of(0, 0)],
      [10, Uint8Array.of(5)],
    ]);
  const again = say([
    [1, 5],
    [2, true],
    [3, 1],
    [4, Uint8Array.of(1)],
    [5, at(0.4)],
    [7, Uint8Array.of(0, 0)],
    [10, doubles(0.97)],
  ]);
  return {
    "packed samples, full": frame(minor, [[15, packed]], 2),
    "packed samples, the next": frame(minor, [[15, next(2)]], 3),
    "packed samples behind a gap": frame(minor, [[15, next(4)]], 4),
    "packed samples, full again and hot": frame(minor, [[15, again]], 5),
    "hello that resumes": frame(minor, [[1, [...hello, [12, resume]]]]),
  };
}

function nodeFrames(minor: Minor): Frames {
  const say = (always: Fields, since01?: Fields): Fields => says(minor, always, since01);
  const limits = say(
    [
      [1, 1 << 20],
      [2, 1000],
    ],
    [[3, 64]],
  );
  const welcome = say(
    [
      [1, "session-1"],
      [2, "resume-me"],
      [4, 500],
      [5, 30_000],
      [7, "n1"],
      [12, at(0)],
      [13, at(0)],
      [14, at(0)],
    ],
    [
      [6, limits],
      [8, "edge"],
      [9, `${minor}.0`],
    ],
  );
  const instruction = say([
    [1, id],
    [2, "work"],
    [3, json("why", "hot")],
    [4, 5],
    [5, at(30)],
    [6, { d: 10e6 }],
    [7, at(0)],
  ]);
  return {
    welcome: frame(minor, [
      [2, welcome],
      [3, say([[1, at(0)]])],
    ]),
    pong: frame(minor, [
      [
        4,
        say(
          [
            [1, at(0)],
            [2, at(0)],
            [3, at(0)],
          ],
          [[4, 1]],
        ),
      ],
    ]),
    "flow control": frame(minor, [[12, say([[3, 1]])]]),
    instruction: frame(minor, [[8, instruction]]),
    ...(minor === "0.0" ? {} : unpackingFrames(minor, welcome)),
    cancellation: frame(minor, [[11, say([[1, "another"]])]]),
    settlement: frame(minor, [[10, say([[1, id]])]]),
    goodbye: frame(minor, [
      [
        14,
        say([
          [1, minor === "0.2" ? "A_LATER_CODE" : ""],
          [2, "back soon"],
          [3, true],
        ]),
      ],
    ]),
  };
}

/** Of a node that reads packed samples and takes sessions up again, which 0.0 did not. */
function unpackingFrames(minor: Minor, welcome: Fields): Frames {
  const forms = [1, 2, 3, 4, 5].map((form): Fields[number] => [16, form]);
  const resumed: Fields = [
    [3, true],
    [10, 1],
    [11, 1],
  ];
  return {
    "welcome with column forms": frame(minor, [[2, [...welcome, ...forms]]]),
    "needs full samples": frame(minor, [[12, says(minor, [[5, true]])]]),
    "welcome that resumes": frame(minor, [[2, [...welcome, ...forms, ...resumed]]]),
  };
}

function write(name: string, minor: Minor, frames: Frames): void {
  const path = new URL(`corpus/${name}-${minor}.txt`, import.meta.url);
  const kept = existsSync(path) ? readFileSync(path, "utf8") : "";
  for (const [title, fields] of Object.entries(frames)) {
    if (kept.includes(`# ${title}\n`)) continue;
    appendFileSync(path, `# ${title}\n${Buffer.from(build(fields).finish()).toString("hex")}\n`);
  }
}

for (const minor of ["0.0", "0.1", "0.2"] as const) {
  write("agent", minor, agentFrames(minor));
  write("node", minor, nodeFrames(minor));
}
