/**
 * Floods a node from many connections, in a process of its own and at the lowest priority: each sends
 * frames of samples as fast as the node takes them. It begins and ends when it is told, and tells when
 * the node has answered all that it was sent.
 */
import { once } from "node:events";
import { setPriority } from "node:os";
import { FrameWriter, readFrame } from "@myelin/core/wire";
import { WebSocket } from "ws";

const frameBytes = 64 * 1024;
/** A value and the offset of its time. */
const samplesPerFrame = Math.floor(frameBytes / 9.5);
/** Frames handed to a socket and not taken by the system yet. */
const framesInFlight = 4;

const [url = "", count = "50"] = process.argv.slice(2);
setPriority(19);

const values = new Float64Array(samplesPerFrame).map(Math.random);
const metrics = new Uint32Array(samplesPerFrame).fill(1);
const offsetsUs = Array.from({ length: samplesPerFrame }, (_, at) => at);
let isFlooding = false;

class Flooder {
  sentBytes = 0;
  readonly #webSocket: WebSocket;
  readonly #writer = new FrameWriter();
  readonly #id: string;
  #sequence = 0;
  #inFlight = 0;
  #onPong: () => void = () => undefined;

  constructor(id: string) {
    this.#id = id;
    this.#webSocket = new WebSocket(url, "myelin.v1.proto", { perMessageDeflate: false });
    this.#webSocket.on("message", (data) =>
      readFrame(data as Buffer, {
        onPong: () => this.#onPong(),
        onGoodbye: (goodbye) => {
          throw new Error(`${id} was sent away: ${goodbye.code} ${goodbye.message}`);
        },
      }),
    );
  }

  async join(): Promise<void> {
    await once(this.#webSocket, "open");
    this.#writer.hello({
      protocolVersion: 1,
      agentId: this.#id,
      agentType: "flooder",
      part: "app",
      incarnation: "life-1",
      tier: "edge",
      capabilities: [],
      labels: {},
      actions: [],
      actionsFollow: false,
      token: "",
      outcomes: [],
      sentAtUs: nowUs(),
      timeLine: "t1",
    });
    this.#send();
    await this.quiet();
  }

  /** Sends until told otherwise, as far as the node reads. */
  flood(): void {
    while (isFlooding && this.#inFlight < framesInFlight) {
      this.#sequence++;
      const sentAtUs = nowUs();
      this.#writer.header(sentAtUs, this.#sequence);
      this.#writer.samples({
        values,
        offsetsUs,
        names: this.#sequence === 1 ? [{ id: 1, name: "flood" }] : [],
        metrics,
        baseTimeUs: sentAtUs - samplesPerFrame,
        count: samplesPerFrame,
      });
      this.sentBytes += this.#send();
    }
  }

  /** Resolves when the node has handled all that it was sent. */
  async quiet(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onPong = resolve;
    this.#writer.ping({ sentAtUs: nowUs(), timeLine: "t1" });
    this.#send();
    await promise;
  }

  #send(): number {
    const frame = this.#writer.take();
    this.#inFlight++;
    this.#webSocket.send(frame, () => {
      this.#inFlight--;
      // In a turn of its own, so that orders are heard while every write succeeds at once.
      setImmediate(() => this.flood());
    });
    return frame.byteLength;
  }
}

function nowUs(): number {
  return Math.round((performance.timeOrigin + performance.now()) * 1e3);
}

const flooders = Array.from({ length: Number(count) }, (_, at) => new Flooder(`flooder-${at}`));
await Promise.all(flooders.map((flooder) => flooder.join()));
process.on("message", (order: { readonly flood: boolean }) => {
  isFlooding = order.flood;
  for (const flooder of flooders) flooder.flood();
  if (order.flood) return;
  void Promise.all(flooders.map((flooder) => flooder.quiet())).then(() =>
    process.send?.({ sentBytes: flooders.reduce((sum, { sentBytes }) => sum + sentBytes, 0) }),
  );
});
process.on("disconnect", () => process.exit(0));
process.send?.({ sentBytes: 0 });
