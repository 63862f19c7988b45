import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { FrameWriter, type Hello, type InstructionMessage, readFrame } from "@myelin/core/wire";
import { maskedFrame } from "./prebuilt-frame.ts";

/** Microseconds since the epoch. */
export function epochUs(): number {
  return Math.round((performance.timeOrigin + performance.now()) * 1e3);
}

/** The hello of an agent that performs one action. */
export function greeting(agentId: string, action: string): Hello {
  return {
    protocolVersion: 1,
    agentId,
    agentType: "bench",
    part: "app",
    incarnation: "life-1",
    tier: "edge",
    capabilities: [],
    labels: {},
    actions: [{ name: action, isIdempotent: true }],
    actionsFollow: false,
    token: "",
    outcomes: [],
    sentAtUs: epochUs(),
    timeLine: "t1",
  };
}

/**
 * An agent that costs its process next to nothing: a bare socket with WebSocket by hand, which sends
 * what was built before and answers each instruction as received and executed at once.
 */
export class RawAgent {
  #socket: Socket;
  readonly #id: string;
  #path: string;
  readonly #onInstruction: (instruction: InstructionMessage) => "later" | void;
  readonly #writer = new FrameWriter();
  #left: Buffer = Buffer.alloc(0);
  #onWelcome: (redirectUrl: string) => void = () => undefined;
  readonly #unanswered: (() => void)[] = [];
  #isSentOn = false;

  constructor(
    url: string,
    id: string,
    onInstruction: (instruction: InstructionMessage) => "later" | void,
  ) {
    this.#path = new URL(url).pathname;
    this.#id = id;
    this.#onInstruction = onInstruction;
    this.#socket = socketTo(url);
  }

  get socket(): Socket {
    return this.#socket;
  }

  /** Greets the node, or the lane that it names; resolves when it is welcome. */
  async join(action: string): Promise<void> {
    const redirectUrl = await this.#greet(action);
    if (redirectUrl === "") return;
    this.#socket.removeAllListeners("data").destroy();
    this.#left = Buffer.alloc(0);
    this.#path = new URL(redirectUrl).pathname;
    this.#socket = socketTo(redirectUrl);
    if ((await this.#greet(action)) !== "") throw new Error(`${this.#id} is sent on and on`);
  }

  /** Resolves to the address to go to; "" when it is here. */
  async #greet(action: string): Promise<string> {
    if (this.#socket.connecting) await once(this.socket, "connect");
    const key = randomBytes(16).toString("base64");
    this.#socket.write(
      `GET ${this.#path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: myelin.v1.proto\r\n\r\n`,
    );
    await this.#upgraded();
    const { promise, resolve } = Promise.withResolvers<string>();
    this.#onWelcome = resolve;
    this.#socket.on("data", (bytes) => this.#onBytes(bytes as Buffer));
    this.#writer.hello(greeting(this.#id, action));
    this.#send();
    return await promise;
  }

  /** Pings; resolves when the node has handled all that was sent before. */
  ping(): Promise<void> {
    this.#writer.ping({ sentAtUs: epochUs(), timeLine: "t1" });
    this.#send();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#unanswered.push(resolve);
    return promise;
  }

  async #upgraded(): Promise<void> {
    let head = "";
    while (!head.includes("\r\n\r\n")) {
      const [bytes] = (await once(this.socket, "data")) as [Buffer];
      head += bytes.toString("latin1");
    }
    if (!head.startsWith("HTTP/1.1 101 ")) throw new Error(`not upgraded: ${head}`);
  }

  #send(): void {
    this.#socket.write(maskedFrame(this.#writer.take()));
  }

  #onBytes(bytes: Buffer): void {
    let buffer = this.#left.length === 0 ? bytes : Buffer.concat([this.#left, bytes]);
    for (let size = frameSize(buffer); size <= buffer.length; size = frameSize(buffer)) {
      if ((buffer[0] ?? 0) === 0x82) this.#onFrame(buffer.subarray(headSize(buffer), size));
      buffer = buffer.subarray(size);
    }
    this.#left = buffer;
  }

  #onFrame(frame: Buffer): void {
    readFrame(frame, {
      onWelcome: ({ redirectUrl }) => {
        this.#isSentOn = redirectUrl !== "";
        this.#onWelcome(redirectUrl);
      },
      onPong: () => this.#unanswered.shift()?.(),
      onInstruction: (instruction) => {
        if (this.#onInstruction(instruction) !== "later") this.answer(instruction);
      },
      onGoodbye: ({ code, message }) => {
        if (!this.#isSentOn) throw new Error(`${this.#id} was sent away: ${code} ${message}`);
      },
    });
  }

  /** Tells that an instruction is executed; for those of which `onInstruction` said that it is so later. */
  answer(instruction: InstructionMessage): void {
    const nowUs = epochUs();
    const { id: instructionId, action, episode } = instruction;
    const common = {
      instructionId,
      action,
      receivedAtUs: nowUs,
      ...(episode === undefined ? {} : { episode }),
    };
    this.#writer.acknowledgement({
      ...common,
      status: "executed",
      begunAtUs: nowUs,
      endedAtUs: nowUs,
    });
    this.#send();
  }
}

function socketTo(url: string): Socket {
  const { hostname, port } = new URL(url);
  return connect({ host: hostname, port: Number(port), noDelay: true });
}

/** Size of the head of a server's frame; Infinity while it is not whole. */
function headSize(buffer: Buffer): number {
  if (buffer.length < 2) return Number.POSITIVE_INFINITY;
  const length = buffer.readUInt8(1) & 0x7f;
  return length < 126 ? 2 : length === 126 ? 4 : 10;
}

/** Size of the first frame; Infinity while its head is not whole. */
function frameSize(buffer: Buffer): number {
  const head = headSize(buffer);
  if (buffer.length < head) return Number.POSITIVE_INFINITY;
  if (head === 2) return 2 + (buffer.readUInt8(1) & 0x7f);
  return head === 4 ? 4 + buffer.readUInt16BE(2) : 10 + Number(buffer.readBigUInt64BE(2));
}
