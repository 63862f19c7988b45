// Who sends instructions by hand while the node is killed, and remembers what it was told.
import type { Answer } from "../../e2e/support/index.ts";

/** A call, and all that is known of it. */
export interface Call {
  readonly key: string;
  readonly agent: string;
  readonly action: string;
  readonly deadline: string;
  /** Ids that its answers named; empty while nobody knows whether it was accepted. */
  readonly ids: Set<string>;
}

/** The way to the node there is at the moment. */
export interface Line {
  send(order: Readonly<Record<string, unknown>>): Promise<Answer>;
}

/** What a caller chooses by chance. */
export interface Choices {
  agent(): string;
  action(): string;
  deadline(): string;
}

/** Sends calls until it is stopped, several at a time; asks again for those that it had no answer to. */
export class Caller {
  readonly calls: Call[] = [];
  /** Calls whose connection broke, to be asked again: the node may have accepted them. */
  readonly unknown: Call[] = [];
  #unknownEver = 0;
  readonly #choices: Choices;
  readonly #prefix: string;

  constructor(choices: Choices, prefix: string) {
    this.#choices = choices;
    this.#prefix = prefix;
  }

  /** How many calls had no answer, at some time. */
  get unknownEver(): number {
    return this.#unknownEver;
  }

  /** Sends until so many were accepted, and goes on until the line breaks; `onEnough` is called once. */
  async sendUntilBroken(
    line: Line,
    enough: number,
    atOnce: number,
    onEnough: () => void,
  ): Promise<void> {
    let accepted = 0;
    let isBroken = false;
    if (enough === 0) onEnough();
    const send = async (): Promise<void> => {
      while (!isBroken) {
        const call = this.unknown.pop() ?? this.#next();
        const isAccepted = await this.#ask(line, call);
        if (!isAccepted) isBroken = true;
        else if (++accepted === enough) onEnough();
      }
    };
    await Promise.all(Array.from({ length: atOnce }, send));
  }

  /** Asks again until there is an answer to every call. */
  async settle(line: Line): Promise<void> {
    for (let call = this.unknown.pop(); call !== undefined; call = this.unknown.pop()) {
      if (!(await this.#ask(line, call))) throw new Error(`no answer to ${call.key}`);
    }
  }

  #next(): Call {
    const { agent, action, deadline } = this.#choices;
    const call: Call = {
      key: `${this.#prefix}-${this.calls.length}`,
      agent: agent(),
      action: action(),
      deadline: deadline(),
      ids: new Set(),
    };
    this.calls.push(call);
    return call;
  }

  /** False when the connection broke. */
  async #ask(line: Line, call: Call): Promise<boolean> {
    const { key, agent, action, deadline } = call;
    const order = { to: agent, action, deadline, timeout: "5s", wait: "1ms", idempotencyKey: key };
    let answer: Answer;
    try {
      answer = await line.send(order);
    } catch {
      this.#unknownEver += 1;
      this.unknown.push(call);
      return false;
    }
    const { status, body } = answer;
    if (status !== 200 && status !== 202) throw new Error(`${status}: ${JSON.stringify(body)}`);
    for (const { id } of body.instructions) call.ids.add(String(id));
    return true;
  }
}
