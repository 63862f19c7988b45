/**
 * Those who give instructions by hand: they call, may not hear the answer, and call again with the same key.
 *
 * What they hold the node to is the judge's: here they only tell it what they asked and heard.
 */
import type { InstructionDocument } from "@myelin/core/instruction";
import type { JsonObject } from "@myelin/core/json";
import type { Clock } from "@myelin/core/clock";
import type { Judge } from "../checks/judge.ts";
import { actionNames } from "../fleet/fleet.ts";
import type { SimNode } from "../node/sim-node.ts";
import type { Dice } from "../world/dice.ts";
import type { Trace } from "../world/trace.ts";

/** What callers live in. */
export interface CallerSurroundings {
  readonly clock: Clock;
  readonly node: SimNode;
  readonly judge: Judge;
  readonly trace: Trace;
  readonly dice: Dice;
  readonly agents: readonly string[];
}

/** One thing a caller wants done. */
interface Call {
  readonly name: string;
  readonly body: JsonObject;
  readonly durability: "disk" | "memory";
  readonly hasKey: boolean;
  /** Tries left. */
  tries: number;
  /** True once an answer may have been lost. */
  isDoubtful: boolean;
}

/** A caller hears nothing any more after this. */
const patienceUs = 4e6;

export class Callers {
  readonly #around: CallerSurroundings;
  readonly #everyUs: number;
  #calls = 0;
  #isDone = false;

  constructor(around: CallerSurroundings, everyUs: number) {
    this.#around = around;
    this.#everyUs = everyUs;
  }

  begin(): void {
    const { clock, dice } = this.#around;
    clock.schedule(dice.wait(this.#everyUs), () => {
      if (this.#isDone) return;
      const burst = dice.chance(0.1) ? dice.integer(2, 12) : 1;
      for (let count = 0; count < burst; count++) this.#try(this.#newCall());
      this.begin();
    });
  }

  /** Nothing is asked for from now on. */
  end(): void {
    this.#isDone = true;
  }

  #newCall(): Call {
    const { dice, agents } = this.#around;
    const name = `c${++this.#calls}`;
    const durability = dice.chance(0.85) ? "disk" : "memory";
    const hasKey = dice.chance(0.6);
    const target: JsonObject = dice.chance(0.8)
      ? { to: dice.pick(agents) }
      : { where: dice.pick(['agent.type == "worker"', 'agent.labels.zone == "a"', "true"]) };
    const body = {
      ...target,
      action: dice.pick(actionNames),
      args: { call: name, durability },
      priority: dice.pick([5, 5, 5, 9]),
      deadline: `${dice.integer(100, 5000)}ms`,
      timeout: `${dice.integer(100, 3000)}ms`,
      wait: dice.chance(0.5) ? "1ms" : `${dice.integer(100, 5000)}ms`,
      durability,
      ...(hasKey ? { idempotencyKey: `key-${name}` } : {}),
    };
    return { name, body, durability, hasKey, tries: hasKey ? 4 : 1, isDoubtful: false };
  }

  #try(call: Call): void {
    const { clock, node, trace, dice } = this.#around;
    call.tries--;
    const run = node.serving?.number ?? 0;
    const answer = node.call("POST", "/api/v1/instructions", call.body);
    if (answer === undefined) {
      this.#again(call);
      return;
    }
    trace.note(call.name, `asks run ${run} for ${JSON.stringify(call.body)}`);
    const isHeard = !dice.chance(0.08);
    let isOver = false;
    const timer = clock.schedule(isHeard ? patienceUs : dice.wait(50_000), () => {
      isOver = true;
      call.isDoubtful = true;
      trace.note(call.name, "hears nothing");
      this.#again(call);
    });
    void answer.then(({ status, body }) => {
      if (isOver || !isHeard) return;
      timer.cancel();
      this.#hear(call, run, status, String(body));
    });
  }

  #again(call: Call): void {
    const { clock, dice } = this.#around;
    if (call.tries <= 0) return;
    clock.schedule(dice.wait(500_000), () => {
      if (!this.#isDone) this.#try(call);
    });
  }

  #hear(call: Call, run: number, status: number, text: string): void {
    const { judge, trace, dice } = this.#around;
    const { name, durability } = call;
    const answer = JSON.parse(text) as Answered;
    if (status === 200 || status === 202) {
      const documents = answer.instructions ?? [];
      trace.note(
        name,
        `is told ${documents.map(({ id, status }) => `${id} ${status}`).join(", ")}`,
      );
      judge.answered({ call: name, durability, run, documents });
      if (dice.chance(0.1)) this.#cancel(name, documents);
      else if (call.hasKey && call.tries > 0 && dice.chance(0.15)) this.#again(call);
      return;
    }
    trace.note(name, `is refused: ${status} ${answer.code}`);
    if (!expectedCodes.has(answer.code ?? ""))
      judge.breach("a refusal has an expected code", `${name}: ${status} ${text}`);
    if (!call.isDoubtful && durability === "disk" && call.tries === (call.hasKey ? 3 : 0))
      judge.refused(name);
  }

  #cancel(name: string, documents: readonly InstructionDocument[]): void {
    const { node, trace } = this.#around;
    for (const { id } of documents) {
      const answer = node.call("POST", `/api/v1/instructions/${id}/cancel`, "");
      void answer?.then(({ status }) => trace.note(name, `cancels ${id}: ${status}`));
    }
  }
}

interface Answered {
  readonly code?: string;
  readonly instructions?: readonly InstructionDocument[];
}

const expectedCodes: ReadonlySet<string> = new Set([
  "RESOURCE_EXHAUSTED",
  "STORAGE_FULL",
  "STORAGE_UNAVAILABLE",
  "NOT_FOUND",
  "NODE_DRAINING",
  "CONFLICT",
]);
