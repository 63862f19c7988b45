import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { BytePool } from "../../bytes/index.ts";
import { Receiver, WebSocketFault } from "./index.ts";

const maxMessageBytes = 70_000;

/** Reads as the owner of a connection does: what it was handed is not there any more afterwards. */
class Peer {
  readonly told: string[] = [];
  readonly pool = new BytePool(1 << 20);
  readonly receiver: Receiver = new Receiver(
    { maxMessageBytes, pool: this.pool },
    {
      onMessage: (payload, isText) =>
        this.told.push(`${isText ? "text" : "binary"} ${Buffer.from(payload).toString("hex")}`),
      onPing: (payload) => this.told.push(`ping ${Buffer.from(payload).toString("hex")}`),
      onClose: (code, reason) => this.told.push(`close ${code} ${reason}`),
    },
  );

  /** Hands over chunks, and spoils each behind the receiver's back; tells the close code of a fault. */
  hear(...chunks: readonly Uint8Array[]): number | undefined {
    try {
      for (const chunk of chunks) {
        const own = Uint8Array.from(chunk);
        this.receiver.receive(own);
        own.fill(0xee);
      }
      return undefined;
    } catch (thrown) {
      if (thrown instanceof WebSocketFault) return thrown.closeCode;
      throw thrown;
    }
  }
}

interface FrameShape {
  readonly first: number;
  readonly payload: Uint8Array;
  readonly mask?: Uint8Array;
  /** Bytes of the length, beyond the least. */
  readonly lengthBytes?: 2 | 8;
}

/** A client's frame. */
function frame({ first, payload, mask, lengthBytes }: FrameShape): Uint8Array {
  const { length } = payload;
  const wide = lengthBytes ?? (length < 126 ? 0 : length < 65_536 ? 2 : 8);
  const head = Buffer.alloc(2 + wide);
  head[0] = first;
  head[1] = 0x80 | (wide === 0 ? length : wide === 2 ? 126 : 127);
  if (wide > 0) head.writeUIntBE(length, head.length - Math.min(wide, 6), Math.min(wide, 6));
  const key = mask ?? Uint8Array.of(0, 0, 0, 0);
  const masked = payload.map((byte, at) => byte ^ (key[at & 3] ?? 0));
  return Buffer.concat([head, key, masked]);
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (first: number, payload: string | Uint8Array): Uint8Array =>
  frame({ first, payload: typeof payload === "string" ? bytes(payload) : payload });
const closing = (code: number, reason = ""): Uint8Array =>
  frame({
    first: 0x88,
    payload: Buffer.concat([Uint8Array.of(code >> 8, code & 255), bytes(reason)]),
  });

const mask = fc.uint8Array({ minLength: 4, maxLength: 4 });
const payload = fc.oneof(
  fc.uint8Array({ maxLength: 20 }),
  fc.uint8Array({ maxLength: 300 }),
  fc.integer({ min: 60_000, max: maxMessageBytes }).map((length) => new Uint8Array(length).fill(7)),
);
const message = fc.record({
  payload,
  cuts: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 4 }),
  masks: fc.array(mask, { minLength: 5, maxLength: 5 }),
  pings: fc.array(fc.uint8Array({ maxLength: 125 }), { maxLength: 5 }),
});

describe("a receiver", () => {
  test("tells each message whole, however it was fragmented, masked and cut into chunks", () => {
    fc.assert(
      fc.property(
        fc.array(message, { maxLength: 4 }),
        fc.array(fc.integer({ min: 1, max: 90_000 })),
        (messages, sizes) => {
          const expected: string[] = [];
          const frames: Uint8Array[] = [];
          for (const { payload: whole, cuts, masks, pings } of messages) {
            const ends = [...cuts.map((cut) => Math.floor(cut * whole.length)), whole.length];
            let from = 0;
            for (const [at, end] of ends.toSorted((a, b) => a - b).entries()) {
              const first = (at === cuts.length ? 0x80 : 0) | (at === 0 ? 2 : 0);
              const key = masks[at] ?? Uint8Array.of(1, 2, 3, 4);
              frames.push(frame({ first, payload: whole.subarray(from, end), mask: key }));
              from = end;
              const ping = at === cuts.length ? undefined : pings[at];
              if (ping === undefined) continue;
              frames.push(frame({ first: 0x89, payload: ping, mask: key }));
              expected.push(`ping ${Buffer.from(ping).toString("hex")}`);
            }
            expected.push(`binary ${Buffer.from(whole).toString("hex")}`);
          }
          const stream = Buffer.concat(frames);
          const peer = new Peer();
          let from = 0;
          for (const size of [...sizes, stream.length]) {
            assert.equal(peer.hear(stream.subarray(from, from + size)), undefined);
            from += size;
          }
          assert.deepEqual(peer.told, expected);
        },
      ),
      { numRuns: 200 },
    );
  });

  test("reads a stream that comes byte by byte", () => {
    const peer = new Peer();
    const stream = Buffer.concat([
      text(0x01, "hé"),
      text(0x00, "l"),
      text(0x8a, "?"),
      text(0x80, "lo"),
      closing(1000, "bye"),
    ]);
    assert.equal(peer.hear(...Array.from(stream, (byte) => Uint8Array.of(byte))), undefined);
    assert.deepEqual(peer.told, [`text ${Buffer.from("héllo").toString("hex")}`, "close 1000 bye"]);
  });

  test("takes lengths that are written longer than they need be", () => {
    const peer = new Peer();
    const wide = frame({ first: 0x82, payload: bytes("a"), lengthBytes: 8 });
    assert.equal(
      peer.hear(wide, frame({ first: 0x82, payload: bytes("b"), lengthBytes: 2 })),
      undefined,
    );
    assert.deepEqual(peer.told, ["binary 61", "binary 62"]);
  });

  const faults: readonly (readonly [string, number, readonly Uint8Array[]])[] = [
    ["a reserved bit", 1002, [text(0xc2, "")]],
    ["an unmasked frame", 1002, [Uint8Array.of(0x82, 0)]],
    ["an opcode for data that is not there", 1002, [text(0x83, "")]],
    ["an opcode for control that is not there", 1002, [text(0x8b, "")]],
    ["a continuation of nothing", 1002, [text(0x80, "x")]],
    ["a message within a message", 1002, [text(0x02, "x"), text(0x82, "y")]],
    ["a ping in fragments", 1002, [text(0x09, "")]],
    ["a ping of 126 bytes", 1002, [text(0x89, "x".repeat(126))]],
    ["a close of one byte", 1002, [text(0x88, "x")]],
    [
      "a message beyond the bound",
      1009,
      [frame({ first: 0x82, payload: new Uint8Array(maxMessageBytes + 1) })],
    ],
    [
      "a length beyond all bounds",
      1009,
      [Uint8Array.of(0x82, 0xff, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0)],
    ],
    [
      "fragments beyond the bound together",
      1009,
      [text(0x02, new Uint8Array(60_000)), text(0x80, new Uint8Array(10_001))],
    ],
    ["a text that is not UTF-8", 1007, [text(0x81, Uint8Array.of(0xc3, 0x28))]],
    [
      "a text in fragments that is cut within a character",
      1007,
      [text(0x01, Uint8Array.of(0xe2, 0x82)), text(0x80, "x")],
    ],
    ["a surrogate in a text", 1007, [text(0x81, Uint8Array.of(0xed, 0xa0, 0x80))]],
    ["a reason that is not UTF-8", 1007, [text(0x88, Uint8Array.of(3, 232, 0xff))]],
    ...[0, 999, 1004, 1005, 1006, 1015, 1016, 2000, 2999, 5000].map(
      (code) => [`the close code ${code}`, 1002, [closing(code)]] as const,
    ),
  ];
  for (const [what, code, chunks] of faults)
    test(`answers ${what} with ${code}, and hears nothing more`, () => {
      const peer = new Peer();
      assert.equal(peer.hear(...chunks), code);
      peer.hear(text(0x82, "more"));
      assert.deepEqual(peer.told, []);
    });

  for (const code of [1000, 1001, 1002, 1003, 1007, 1014, 3000, 4999])
    test(`takes the close code ${code}`, () => {
      const peer = new Peer();
      assert.equal(peer.hear(closing(code, "why")), undefined);
      assert.deepEqual(peer.told, [`close ${code} why`]);
    });

  test("takes a character that is cut between fragments", () => {
    const peer = new Peer();
    const euro = bytes("€");
    assert.equal(
      peer.hear(text(0x01, euro.subarray(0, 1)), text(0x80, euro.subarray(1))),
      undefined,
    );
    assert.deepEqual(peer.told, ["text e282ac"]);
  });

  test("holds little for a message that is announced and does not come, and gives it back", () => {
    const peer = new Peer();
    const announced = frame({ first: 0x82, payload: new Uint8Array(maxMessageBytes) });
    assert.equal(peer.hear(announced.subarray(0, 100)), undefined);
    peer.receiver.stop();
    assert.ok(peer.pool.keptBytes > 0 && peer.pool.keptBytes <= 4096, String(peer.pool.keptBytes));
  });

  test("any bytes make it tell, wait or fail, and nothing else", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 })), (chunks) => {
        const code = new Peer().hear(...chunks);
        assert.ok([undefined, 1002, 1007, 1009].includes(code), String(code));
      }),
    );
  });
});
