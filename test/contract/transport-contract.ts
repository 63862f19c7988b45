import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Channel, Dial } from "@myelin/core/channel";
import type { PeerInfo, Transport } from "../../packages/node/src/ports/transport.ts";
import { Recorder } from "./recorder.ts";

/** A transport under test, not yet listening, and the dialer that reaches it. */
export interface TransportUnderTest {
  readonly transport: Transport;
  readonly dial: Dial;
  /** True when its frames are text. */
  readonly isText?: boolean;
}

/** The longest frame that both sides of a transport under test take. */
export const maxFrameBytes: number = 1 << 20;
/** What the sockets' buffers of both sides hold at most, with a wide margin. */
const moreThanBuffersBytes = 32 << 20;

interface End {
  readonly channel: Channel;
  readonly heard: Recorder;
}

interface Pair {
  readonly client: End;
  readonly server: End;
  readonly peer: PeerInfo;
}

/** A listening transport on which a test opens channels. */
class Bench {
  readonly #subject: TransportUnderTest;
  readonly #accepted: ((end: End, peer: PeerInfo) => void)[] = [];
  readonly #channels: Channel[] = [];

  constructor(subject: TransportUnderTest) {
    this.#subject = subject;
  }

  get transport(): Transport {
    return this.#subject.transport;
  }

  /** A frame of the kind that the transport carries. */
  frame(sizeBytes: number, number: number): Uint8Array {
    const make = this.#subject.isText === true ? patternText : patternFrame;
    return make(sizeBytes, number);
  }

  async listen(): Promise<void> {
    await this.transport.listen((channel, peer) => {
      const heard = new Recorder();
      this.#channels.push(channel);
      this.#accepted.shift()?.({ channel, heard }, peer);
      return heard;
    });
  }

  dial(): End {
    const heard = new Recorder();
    const channel = this.#subject.dial(this.transport.url, heard, { maxFrameBytes });
    this.#channels.push(channel);
    return { channel, heard };
  }

  /** Opens a channel; pairs are made one at a time so that ends are matched. */
  async open(): Promise<Pair> {
    const { promise, resolve } = Promise.withResolvers<{ server: End; peer: PeerInfo }>();
    this.#accepted.push((server, peer) => resolve({ server, peer }));
    const client = this.dial();
    const { server, peer } = await promise;
    await client.heard.opened();
    return { client, server, peer };
  }

  async close(): Promise<void> {
    for (const channel of this.#channels) channel.destroy();
    await this.transport.close();
  }
}

/** A text whose bytes depend on its size and number, so that mixed-up bytes are noticed. */
function patternText(sizeBytes: number, number: number): Uint8Array {
  return patternFrame(sizeBytes, number).map((byte) => 0x20 + (byte % 0x5f));
}

/** A frame likewise, of any bytes. */
function patternFrame(sizeBytes: number, number: number): Uint8Array {
  const frame = new Uint8Array(sizeBytes);
  let state = (number * 2_654_435_761 + sizeBytes) >>> 0;
  for (let at = 0; at < sizeBytes; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    frame[at] = state >>> 24;
  }
  return frame;
}

function assertSame(got: Uint8Array | undefined, wanted: Uint8Array): void {
  assert.ok(got instanceof Uint8Array);
  assert.equal(Buffer.compare(got, wanted), 0);
}

function assertEndedOnce(heard: Recorder): void {
  assert.equal(heard.calls.filter((call) => call === "end").length, 1);
  assert.equal(heard.calls.at(-1), "end");
}

/** What every transport and its dialer promise; `name` leads the names of the tests. */
export function transportContract(name: string, create: () => Promise<TransportUnderTest>): void {
  const within = (sentence: string, body: (bench: Bench) => Promise<void>): void => {
    test(sentence, { timeout: 20_000 }, async () => {
      const bench = new Bench(await create());
      await bench.listen();
      try {
        await body(bench);
      } finally {
        await bench.close();
      }
    });
  };
  /** The same for both directions of one channel. */
  const bothWays = (
    sentence: string,
    body: (sender: End, receiver: End, bench: Bench) => Promise<void>,
  ): void => {
    within(`${sentence}, agent to node`, async (bench) => {
      const { client, server } = await bench.open();
      await body(client, server, bench);
    });
    within(`${sentence}, node to agent`, async (bench) => {
      const { client, server } = await bench.open();
      await body(server, client, bench);
    });
  };

  describe(name, () => {
    framesArrive(bothWays);
    slowReaders(bothWays);
    endings(bothWays);
    manyChannels(within);
  });
}

type Within = (sentence: string, body: (bench: Bench) => Promise<void>) => void;
type BothWays = (
  sentence: string,
  body: (sender: End, receiver: End, bench: Bench) => Promise<void>,
) => void;

function framesArrive(bothWays: BothWays): void {
  bothWays("frames of every size arrive whole and in order", async (sender, receiver, bench) => {
    const sizes = [
      0,
      1,
      2,
      125,
      126,
      127,
      1000,
      16_384,
      16_385,
      65_535,
      65_536,
      65_537,
      maxFrameBytes,
    ];
    for (const [number, size] of sizes.entries()) sender.channel.send(bench.frame(size, number));
    await receiver.heard.received(sizes.length);
    for (const [number, size] of sizes.entries()) {
      assertSame(receiver.heard.frames[number], bench.frame(size, number));
    }
  });

  bothWays(
    "frames that come one behind the other are told one by one, each whole",
    async (sender, receiver, bench) => {
      const sizeOf = (number: number): number => 1 + ((number * 37) % 3000);
      for (let number = 0; number < 1000; number++) {
        sender.channel.send(bench.frame(sizeOf(number), number));
        if (number % 50 === 0) await receiver.heard.received(number + 1);
      }
      await receiver.heard.received(1000);
      for (let number = 0; number < 1000; number++) {
        assertSame(receiver.heard.frames[number], bench.frame(sizeOf(number), number));
      }
    },
  );

  bothWays("no callback is made from within a call", async (sender, receiver, bench) => {
    const { channel, heard } = sender;
    const callsBefore = [heard.calls.length, receiver.heard.calls.length];
    channel.send(bench.frame(100_000, 1));
    channel.pause();
    channel.resume();
    channel.close();
    channel.destroy();
    assert.deepEqual([heard.calls.length, receiver.heard.calls.length], callsBefore);
    await heard.ended();
    await receiver.heard.ended();
  });
}

function slowReaders(bothWays: BothWays): void {
  bothWays(
    "what a slow reader has not taken is counted, and its drain is told",
    async (sender, receiver, bench) => {
      assert.equal(sender.channel.bufferedBytes, 0);
      receiver.channel.pause();
      let sentFrames = 0;
      while (sentFrames * 65_536 < moreThanBuffersBytes) {
        sender.channel.send(bench.frame(65_536, sentFrames++));
      }
      assert.ok(sender.channel.bufferedBytes > 65_536);
      assert.equal(sender.heard.drains, 0);
      receiver.channel.resume();
      await receiver.heard.received(sentFrames);
      await sender.heard.until(() => sender.heard.drains > 0);
      assert.equal(sender.channel.bufferedBytes, 0);
      for (let number = 0; number < sentFrames; number += 97) {
        assertSame(receiver.heard.frames[number], bench.frame(65_536, number));
      }
    },
  );

  bothWays(
    "a paused channel holds its peer's frames until it reads again",
    async (sender, receiver, bench) => {
      receiver.channel.pause();
      const sentFrames = moreThanBuffersBytes / 65_536;
      for (let number = 0; number < sentFrames; number++) {
        sender.channel.send(new Uint8Array(65_536));
      }
      // Another channel's round trip gives this one time to read what it should not.
      const other = await bench.open();
      other.client.channel.send(bench.frame(10, 1));
      await other.server.heard.received(1);
      assert.ok(receiver.heard.frames.length < sentFrames / 2);
      assert.ok(sender.channel.bufferedBytes > 0);
      receiver.channel.resume();
      await receiver.heard.received(sentFrames);
    },
  );
}

function endings(bothWays: BothWays): void {
  bothWays(
    "closing lets what was sent arrive, then both sides end once",
    async (sender, receiver, bench) => {
      for (let number = 0; number < 60; number++) {
        sender.channel.send(bench.frame(50_000, number));
      }
      sender.channel.close();
      const ends = await Promise.all([sender.heard.ended(), receiver.heard.ended()]);
      assert.equal(receiver.heard.frames.length, 60);
      assertSame(receiver.heard.frames[59], bench.frame(50_000, 59));
      assert.deepEqual(
        ends.map((end) => end.code),
        [undefined, undefined],
      );
      assertEndedOnce(sender.heard);
      assertEndedOnce(receiver.heard);
    },
  );

  bothWays("closing ends also when the peer sends without pause", async (sender, receiver) => {
    const pump = (): void => {
      for (let number = 0; number < 64; number++) receiver.channel.send(new Uint8Array(16_384));
    };
    receiver.heard.onDrain = pump;
    pump();
    await sender.heard.received(1);
    sender.channel.close();
    await Promise.all([sender.heard.ended(), receiver.heard.ended()]);
  });

  bothWays(
    "closing ends within its bound when the peer does not read",
    async (sender, receiver) => {
      receiver.channel.pause();
      for (let number = 0; number < moreThanBuffersBytes / 65_536; number++) {
        sender.channel.send(new Uint8Array(65_536));
      }
      const startedAt = performance.now();
      sender.channel.close();
      await sender.heard.ended();
      assert.ok(performance.now() - startedAt < 3_000);
      receiver.channel.resume();
      await receiver.heard.ended();
      assertEndedOnce(sender.heard);
      assertEndedOnce(receiver.heard);
    },
  );

  bothWays("destroying ends both sides at once and once", async (sender, receiver) => {
    for (let number = 0; number < 100; number++) sender.channel.send(new Uint8Array(65_536));
    sender.channel.destroy();
    await Promise.all([sender.heard.ended(), receiver.heard.ended()]);
    assertEndedOnce(sender.heard);
    assertEndedOnce(receiver.heard);
  });

  bothWays(
    "nothing arrives after a channel was destroyed in its own callback",
    async (sender, receiver, bench) => {
      receiver.heard.react = () => receiver.channel.destroy();
      for (let number = 0; number < 20; number++) sender.channel.send(bench.frame(100, number));
      await Promise.all([sender.heard.ended(), receiver.heard.ended()]);
      assert.equal(receiver.heard.frames.length, 1);
      assertEndedOnce(receiver.heard);
    },
  );

  bothWays(
    "a channel that has ended takes every call and does nothing",
    async (sender, receiver, bench) => {
      sender.channel.destroy();
      await Promise.all([sender.heard.ended(), receiver.heard.ended()]);
      for (const { channel } of [sender, receiver]) {
        channel.send(bench.frame(10, 1));
        channel.pause();
        channel.resume();
        channel.close();
        channel.destroy();
      }
      // A deferred callback would have come before this.
      await new Promise<void>((resolve) => setImmediate(() => setImmediate(resolve)));
      assertEndedOnce(sender.heard);
      assertEndedOnce(receiver.heard);
    },
  );

  bothWays(
    "a frame above the limit costs its own channel only",
    async (sender, receiver, bench) => {
      const other = await bench.open();
      sender.channel.send(bench.frame(10, 1));
      sender.channel.send(new Uint8Array(maxFrameBytes + 1));
      sender.channel.send(bench.frame(10, 2));
      const end = await receiver.heard.ended();
      assert.equal(end.code, "PAYLOAD_TOO_LARGE");
      assert.equal(receiver.heard.frames.length, 1);
      await sender.heard.ended();
      assertEndedOnce(sender.heard);
      assertEndedOnce(receiver.heard);
      other.client.channel.send(bench.frame(10, 3));
      await other.server.heard.received(1);
    },
  );
}

function manyChannels(within: Within): void {
  within("a hundred channels at once keep their frames apart", async (bench) => {
    const pairs: Pair[] = [];
    for (let number = 0; number < 100; number++) pairs.push(await bench.open());
    for (let round = 0; round < 10; round++) {
      for (const [number, { client }] of pairs.entries()) {
        client.channel.send(bench.frame(200, number * 10 + round));
      }
    }
    for (const [number, { server }] of pairs.entries()) {
      await server.heard.received(10);
      for (let round = 0; round < 10; round++) {
        assertSame(server.heard.frames[round], bench.frame(200, number * 10 + round));
      }
      server.channel.send(bench.frame(5, number));
    }
    for (const [number, { client }] of pairs.entries()) {
      await client.heard.received(1);
      assertSame(client.heard.frames[0], bench.frame(5, number));
    }
  });

  within("an accepted channel is open and says where it comes from", async (bench) => {
    const { client, server, peer } = await bench.open();
    assert.equal(peer.isLoopback, true);
    assert.notEqual(peer.address, "");
    assert.equal(peer.token, undefined);
    assert.deepEqual(server.heard.calls, []);
    assert.deepEqual(client.heard.calls, ["open"]);
  });

  within("closing the transport refuses new channels and leaves open ones alone", async (bench) => {
    const { client, server } = await bench.open();
    await bench.transport.close();
    const late = bench.dial();
    const end = await late.heard.ended();
    assert.equal(end.code, "UNAVAILABLE");
    assert.deepEqual(late.heard.calls, ["end"]);
    client.channel.send(bench.frame(10, 1));
    await server.heard.received(1);
    server.channel.send(bench.frame(10, 2));
    await client.heard.received(1);
  });

  within("dialing can be called off before it succeeds", async (bench) => {
    const early = bench.dial();
    early.channel.destroy();
    await early.heard.ended();
    assert.deepEqual(early.heard.calls, ["end"]);
  });
}
