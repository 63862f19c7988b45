import { connect, createServer, type Server, type Socket } from "node:net";
import { once } from "node:events";

/** What becomes of the bytes that go one way. */
export type Passage =
  | { readonly kind: "free" }
  /** They are not read any more, so that the sender's buffers fill up. */
  | { readonly kind: "shut" }
  /** They wait here until the passage is another. */
  | { readonly kind: "held" }
  /** Each write waits, in its order. */
  | { readonly kind: "delayed"; delayMs(): number }
  /** One byte a packet. */
  | { readonly kind: "dribble" };

/** One connection through a tunnel. */
export interface Crossing {
  toNode: Passage;
  toAgent: Passage;
  /** Bytes towards the node that wait here. */
  readonly heldBytes: number;
  /** Ends the agent's side alone; the node hears nothing of it. */
  cutAgent(): void;
}

/** A proxy before a node that lets bytes through as it is told. */
export class Tunnel implements Disposable {
  readonly url: string;
  /** In the order in which they came. */
  readonly crossings: Pipe[] = [];
  readonly #server: Server;

  private constructor(server: Server, nodePort: number, initial: Initial) {
    this.#server = server;
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    this.url = `ws://127.0.0.1:${port}`;
    server.on("connection", (near) => this.crossings.push(new Pipe(near, nodePort, initial)));
  }

  static async open(nodePort: number, initial: Partial<Initial> = {}): Promise<Tunnel> {
    const server = createServer({ noDelay: true }).listen(0, "127.0.0.1", 4096);
    await once(server, "listening");
    return new Tunnel(server, nodePort, { toNode: free, toAgent: free, ...initial });
  }

  /** Cuts every connection that there is. */
  cut(): void {
    for (const crossing of this.crossings) crossing.cut();
  }

  [Symbol.dispose](): void {
    this.cut();
    this.#server.close();
  }
}

interface Initial {
  readonly toNode: Passage;
  readonly toAgent: Passage;
}

const free: Passage = { kind: "free" };

class Pipe implements Crossing {
  readonly #near: Socket;
  readonly #far: Socket;
  readonly #up: Way;
  readonly #down: Way;

  constructor(near: Socket, nodePort: number, { toNode, toAgent }: Initial) {
    this.#near = near;
    this.#far = connect({ port: nodePort, host: "127.0.0.1", noDelay: true });
    this.#up = new Way(near, this.#far, toNode);
    this.#down = new Way(this.#far, near, toAgent);
    for (const socket of [near, this.#far]) socket.on("error", () => socket.destroy());
    this.#far.on("close", () => near.destroy());
    near.on("close", () => {
      if (this.#up.passage.kind !== "held") this.#far.destroy();
    });
  }

  set toNode(passage: Passage) {
    this.#up.passage = passage;
  }

  set toAgent(passage: Passage) {
    this.#down.passage = passage;
  }

  get heldBytes(): number {
    return this.#up.heldBytes;
  }

  cutAgent(): void {
    this.#near.destroy();
  }

  cut(): void {
    this.#near.destroy();
    this.#far.destroy();
  }
}

/** The bytes that go one way. */
class Way {
  readonly #from: Socket;
  readonly #to: Socket;
  #passage: Passage;
  #held: Buffer[] = [];
  #last: Promise<void> = Promise.resolve();

  constructor(from: Socket, to: Socket, passage: Passage) {
    this.#from = from;
    this.#to = to;
    this.#passage = passage;
    from.on("data", (bytes: Buffer) => this.#take(bytes));
    to.on("drain", () => this.#resume());
    this.passage = passage;
  }

  get heldBytes(): number {
    return this.#held.reduce((sum, { length }) => sum + length, 0);
  }

  get passage(): Passage {
    return this.#passage;
  }

  set passage(passage: Passage) {
    this.#passage = passage;
    if (passage.kind === "shut") this.#from.pause();
    else this.#resume();
    if (passage.kind === "held") return;
    for (const bytes of this.#held.splice(0)) this.#take(bytes);
  }

  #resume(): void {
    if (this.#passage.kind !== "shut") this.#from.resume();
  }

  #take(bytes: Buffer): void {
    const passage = this.#passage;
    if (passage.kind === "held" || passage.kind === "shut") this.#held.push(bytes);
    else if (passage.kind === "delayed") this.#delay(bytes, passage.delayMs());
    else if (passage.kind === "dribble") {
      for (let at = 0; at < bytes.length; at++) this.#write(bytes.subarray(at, at + 1));
    } else this.#write(bytes);
  }

  #write(bytes: Buffer): void {
    if (!this.#to.destroyed && !this.#to.write(bytes)) this.#from.pause();
  }

  #delay(bytes: Buffer, delayMs: number): void {
    const due = Promise.withResolvers<void>();
    setTimeout(due.resolve, delayMs);
    this.#last = Promise.all([this.#last, due.promise]).then(() => this.#write(bytes));
  }
}
