/**
 * Floods a node from many connections, in a process of its own and at the lowest priority: each sends
 * frames of samples as fast as the node takes them, built before, so that it hardly needs a core. It
 * begins and ends when it is told, and tells when the node has answered all that it was sent.
 */
import { setPriority } from "node:os";
import { PrebuiltFrame } from "../load/prebuilt-frame.ts";
import { epochUs, RawAgent } from "../load/raw-agent.ts";

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

function built(isFirst: boolean): PrebuiltFrame {
  return new PrebuiltFrame((writer, timeUs) => {
    writer.header(timeUs, 0);
    writer.samples({
      values,
      offsetsUs,
      names: isFirst ? [{ id: 1, name: "flood" }] : [],
      metrics,
      baseTimeUs: timeUs,
      count: samplesPerFrame,
    });
  });
}

const first = built(true);
const further = built(false);

class Flooder {
  sentBytes = 0;
  readonly #agent: RawAgent;
  readonly #free: Buffer[] = Array.from({ length: framesInFlight }, () =>
    Buffer.alloc(first.bytes.length),
  );
  /** Instant of the next frame's first sample: they overlap no others, as fast as they come. */
  #nextUs = 0;

  constructor(id: string) {
    this.#agent = new RawAgent(url, id, () => undefined);
  }

  async join(): Promise<void> {
    await this.#agent.join("none");
    await this.quiet();
  }

  /** Sends until told otherwise, as far as the node reads. */
  flood(): void {
    while (isFlooding) {
      const buffer = this.#free.pop();
      if (buffer === undefined) return;
      this.#nextUs = Math.max(this.#nextUs + samplesPerFrame, epochUs() - samplesPerFrame);
      const frame = this.sentBytes === 0 ? first : further;
      const end = frame.copyTo(buffer, 0, this.#nextUs);
      this.sentBytes += end;
      this.#agent.socket.write(buffer.subarray(0, end), () => {
        this.#free.push(buffer);
        // In a turn of its own, so that orders are heard while every write succeeds at once.
        setImmediate(() => this.flood());
      });
    }
  }

  /** Resolves when the node has handled all that it was sent. */
  quiet(): Promise<void> {
    return this.#agent.ping();
  }
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
