import { once } from "node:events";
import { WebSocket } from "ws";
import { eventually } from "./eventually.ts";
import { shapeDifference } from "./shape.ts";

type Operation = Readonly<Record<string, unknown>>;
interface Frame {
  readonly operations: readonly Operation[];
}

/**
 * What a page has a person type to a node, and what the node answers. `{id}` in what is typed is the
 * id of the last instruction that came.
 */
export class Conversation {
  readonly #url: string;
  readonly #frames: Frame[] = [];
  #socket: WebSocket | undefined;
  #instructionId = "";

  /** Begins with the first that is said. */
  constructor(url: string) {
    this.#url = url;
  }

  async say(text: string): Promise<void> {
    const socket = this.#socket ?? (await this.#open());
    this.#socket = socket;
    socket.send(text.trim().replaceAll("{id}", this.#instructionId));
    if (!text.includes('"goodbye"')) return;
    // The node ends the connection; what is said next begins another conversation.
    await once(socket, "close");
    this.#socket = undefined;
  }

  /** Throws unless the next frame has the operations of the example, one by one of its shape. */
  async hear(example: Frame): Promise<void> {
    await eventually(() => (this.#frames.length > 0 ? undefined : "nothing more has come"));
    // There is one: it was just seen.
    const { operations } = this.#frames.shift() as Frame;
    const difference =
      operations.length === example.operations.length
        ? example.operations
            .map((shown, index) => shapeDifference(shown, operations[index], `$[${index}]`))
            .find((found) => found !== undefined)
        : `${operations.length} operations`;
    if (difference !== undefined) throw new Error(`${difference}\n${JSON.stringify(operations)}`);
  }

  close(): void {
    this.#socket?.terminate();
  }

  async #open(): Promise<WebSocket> {
    const socket = new WebSocket(this.#url, "myelin.v1.json");
    socket.on("message", (data: Buffer) => {
      const frame = JSON.parse(data.toString()) as Frame;
      this.#frames.push(frame);
      for (const { instruction } of frame.operations) {
        const { id } = Object(instruction) as { readonly id?: string };
        this.#instructionId = id ?? this.#instructionId;
      }
    });
    await once(socket, "open");
    return socket;
  }
}
