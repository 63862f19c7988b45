/** An agent that speaks the wire by hand, in JSON over a WebSocket. */
import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";

/** One operation that came from the node: its kind, and what it says. */
export interface Heard {
  readonly kind: string;
  // oxlint-disable-next-line typescript/no-explicit-any -- JSON from outside, looked into field by field
  readonly said: any;
}

export class Typist {
  readonly heard: Heard[] = [];
  readonly #socket: WebSocket;
  readonly #changed = new EventEmitter();
  #taken = 0;
  isClosed = false;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener("message", ({ data }) => {
      const frame = JSON.parse(String(data)) as { operations: Record<string, unknown>[] };
      for (const operation of frame.operations) {
        for (const [kind, said] of Object.entries(operation)) this.heard.push({ kind, said });
      }
      this.#changed.emit("change");
    });
    socket.addEventListener("close", () => {
      this.isClosed = true;
      this.#changed.emit("change");
    });
  }

  static async open(url: string): Promise<Typist> {
    const socket = new WebSocket(url, "myelin.v1.json");
    const typist = new Typist(socket);
    await once(socket, "open");
    return typist;
  }

  /** Opens a connection and greets; resolves with what the node welcomed it by. */
  static async greet(
    url: string,
    hello: Readonly<Record<string, unknown>>,
  ): Promise<{ readonly typist: Typist; readonly welcome: Heard["said"] }> {
    const typist = await Typist.open(url);
    typist.say({ hello });
    return { typist, welcome: await typist.next("welcome") };
  }

  say(frame: unknown): void {
    this.sayText(JSON.stringify(frame));
  }

  sayText(text: string): void {
    this.#socket.send(text);
  }

  /** The next operation of a kind that comes, behind those that were asked for before. */
  async next(kind: string): Promise<Heard["said"]> {
    for (;;) {
      for (; this.#taken < this.heard.length; this.#taken++) {
        const heard = this.heard[this.#taken];
        if (heard?.kind !== kind) continue;
        this.#taken++;
        return heard.said;
      }
      assert.ok(!this.isClosed, `closed before any ${kind}: ${JSON.stringify(this.heard)}`);
      await once(this.#changed, "change");
    }
  }

  /** Resolves when the node has handled all that was said. */
  async settled(): Promise<void> {
    this.say({ ping: { sent_at_us: Date.now() * 1000 } });
    await this.next("pong");
  }

  /** What becomes of what was said: the code by which the node says goodbye, or undefined when the session goes on. */
  async fate(): Promise<string | undefined> {
    this.say({ ping: { sent_at_us: Date.now() * 1000 } });
    for (;;) {
      const last = this.heard.find(({ kind }) => kind === "pong" || kind === "goodbye");
      if (last !== undefined) return last.kind === "goodbye" ? last.said.code : undefined;
      await once(this.#changed, "change");
    }
  }

  /** Resolves to the code by which the node says goodbye, when the connection has ended; undefined without one. */
  async goodbye(): Promise<string | undefined> {
    while (!this.isClosed) await once(this.#changed, "change");
    return this.heard.find(({ kind }) => kind === "goodbye")?.said.code;
  }

  close(): void {
    this.#socket.close();
  }
}
