import { connect, type Socket } from "node:net";
import { FrameWriter, readFrame } from "@myelin/core/wire";
import { maskedFrame } from "../load/prebuilt-frame.ts";
import { epochUs, greeting } from "../load/raw-agent.ts";

/** Whom a client talks to: a node, a bare WebSocket server, or a bare server of sockets. */
export type Peer = "node" | "websocket" | "socket";

/** Where a client connects, and from which of the machine's own addresses. */
export interface ClientPlace {
  readonly host: string;
  readonly port: number;
  readonly localAddress: string;
}

/** What a client of a bare server says in the place of a ping, as long as a ping to a node. */
const bareMessage = Buffer.alloc(17, 1);
const bareFrame = maskedFrame(bareMessage);
/** The peer's answer to the handshake is small, and its frames here are. */
const readBytes = 65_536;
const shared = Buffer.allocUnsafeSlow(readBytes);
const writer = new FrameWriter();
const endOfHead = Buffer.from("\r\n\r\n");

/** One of many clients that are idle but for their heartbeats; all of them read into one buffer. */
export class LightClient {
  readonly #socket: Socket;
  readonly #peer: Peer;
  readonly #id: string;
  /** What was read and is no whole frame yet. */
  #left: Buffer | undefined;
  #isUpgraded = false;
  #isJoined = false;
  readonly #joined = Promise.withResolvers<void>();

  constructor(peer: Peer, place: ClientPlace, id: string) {
    this.#peer = peer;
    this.#id = id;
    this.#socket = connect({
      ...place,
      noDelay: true,
      onread: {
        buffer: shared,
        callback: (length) => {
          this.#onBytes(shared.subarray(0, length));
          return true;
        },
      },
    });
    this.#socket.once("connect", () => this.#begin());
    this.#socket.once("error", (error) => this.#joined.reject(error));
    this.#socket.once("close", () => this.#fail("the connection was closed"));
  }

  /** Resolves when the peer has taken the client in. */
  get joined(): Promise<void> {
    return this.#joined.promise;
  }

  /** Says that it is there. */
  beat(): void {
    if (this.#peer === "socket") this.#socket.write(bareMessage);
    else if (this.#peer === "websocket") this.#socket.write(bareFrame);
    else {
      writer.ping({ sentAtUs: epochUs(), timeLine: "t1" });
      this.#send();
    }
  }

  #begin(): void {
    if (this.#peer === "socket") this.#done();
    else {
      this.#socket.write(
        `GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n${this.#peer === "node" ? "Sec-WebSocket-Protocol: myelin.v1.proto\r\n" : ""}\r\n`,
      );
    }
  }

  #done(): void {
    this.#isJoined = true;
    this.#joined.resolve();
  }

  #fail(reason: string): void {
    const error = new Error(`${this.#id}: ${reason}`);
    if (this.#isJoined) throw error;
    this.#joined.reject(error);
  }

  #onBytes(read: Buffer): void {
    if (this.#peer === "socket") return;
    let bytes = this.#left === undefined ? read : Buffer.concat([this.#left, read]);
    this.#left = undefined;
    if (!this.#isUpgraded) {
      const end = bytes.indexOf(endOfHead);
      if (end >= 0) {
        this.#onUpgraded(bytes.toString("latin1", 0, end));
        bytes = bytes.subarray(end + endOfHead.length);
      }
    }
    if (this.#isUpgraded) bytes = this.#readFrames(bytes);
    // Copied, for the next read is into the same buffer.
    if (bytes.length > 0) this.#left = Buffer.from(bytes);
  }

  #onUpgraded(head: string): void {
    if (!head.startsWith("HTTP/1.1 101 ")) this.#fail(`not upgraded: ${head}`);
    this.#isUpgraded = true;
    if (this.#peer === "node") this.#greet();
    else this.#done();
  }

  /** Reads the frames that are whole; returns what is left. */
  #readFrames(bytes: Buffer): Buffer {
    let at = 0;
    while (bytes.length - at >= 2) {
      const short = bytes.readUInt8(at + 1);
      const head = short < 126 ? 2 : 4;
      if (bytes.length - at < head) break;
      const end = at + head + (short < 126 ? short : bytes.readUInt16BE(at + 2));
      if (bytes.length < end) break;
      if (this.#peer === "node") this.#onFrame(bytes.subarray(at + head, end));
      at = end;
    }
    return bytes.subarray(at);
  }

  #onFrame(frame: Buffer): void {
    readFrame(frame, {
      onWelcome: () => this.#done(),
      onPing: ({ sentAtUs }) => {
        const nowUs = epochUs();
        const answer = { pingSentAtUs: sentAtUs, receivedAtUs: nowUs, sentAtUs: nowUs };
        writer.pong({ ...answer, telemetrySequence: 0 });
        this.#send();
      },
      onGoodbye: ({ code, message }) => this.#fail(`sent away: ${code} ${message}`),
    });
  }

  #greet(): void {
    writer.hello(greeting(this.#id, "measure"));
    this.#send();
  }

  #send(): void {
    this.#socket.write(maskedFrame(writer.take()));
  }
}
