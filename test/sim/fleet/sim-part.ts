import { type Agent, createAgent, type Instruction } from "@myelin/agent";
import { randomName } from "@myelin/core/random";
import type { Judge } from "../checks/judge.ts";
import { type Departure, type Network, nodeUrl } from "../network/network.ts";
import type { Dice } from "../world/dice.ts";
import { SimProcess } from "../world/process.ts";
import type { Trace } from "../world/trace.ts";
import { behave, conductOf } from "./conduct.ts";
import type { Machine } from "./machine.ts";

/** An action that a part handles. */
export interface SimAction {
  readonly name: string;
  readonly isIdempotent: boolean;
}

/** Who a part is. */
export interface PartIdentity {
  readonly agent: string;
  readonly type: string;
  readonly part: string;
  readonly actions: readonly SimAction[];
}

/** What a part lives in. */
export interface PartSurroundings {
  readonly network: Network;
  readonly machine: Machine;
  readonly judge: Judge;
  readonly trace: Trace;
  readonly dice: Dice;
  /** Bound of the SDK's buffer. */
  readonly bufferBytes: number;
}

interface Life {
  readonly process: SimProcess;
  readonly sdk: Agent;
  readonly incarnation: string;
  /** True once the part closes by itself. */
  isLeaving: boolean;
}

/** One part of an agent: a program with the real SDK, started again each time it has died. */
export class SimPart {
  readonly identity: PartIdentity;
  readonly name: string;
  readonly machine: Machine;
  readonly #around: PartSurroundings;
  #life: Life | undefined;
  /** True when it is to start again as soon as the present life has left. */
  #isStartDue = false;
  #lives = 0;

  constructor(identity: PartIdentity, around: PartSurroundings) {
    this.identity = identity;
    this.name = `${identity.agent}/${identity.part}`;
    this.machine = around.machine;
    this.#around = around;
  }

  /** The SDK of the present life, while it can be called: alive, not held still, not leaving. */
  get sdk(): Agent | undefined {
    const life = this.#life;
    return life === undefined || life.process.isHeld || life.isLeaving ? undefined : life.sdk;
  }

  /** The present life; empty while there is none. */
  get incarnation(): string {
    return this.#life?.incarnation ?? "";
  }

  get process(): SimProcess | undefined {
    return this.#life?.process;
  }

  get isLive(): boolean {
    return this.#life?.sdk.status.state === "live";
  }

  /** Begins a new life, once the former one is dead. */
  start(): void {
    this.#isStartDue = this.#life?.isLeaving === true;
    if (this.#life !== undefined) return;
    const { network, machine, judge, trace, dice, bufferBytes } = this.#around;
    const { agent, type, part, actions } = this.identity;
    const incarnation = `${part}-${++this.#lives}-${randomName(dice.random, 6)}`;
    const process = new SimProcess(this.name, machine.monotonic, (_, error) =>
      judge.breach("a program threw outside of any handler", `${this.name}: ${String(error)}`),
    );
    const sdk = createAgent({
      url: nodeUrl,
      id: agent,
      type,
      part,
      incarnation,
      bufferBytes,
      clock: process.clock,
      wallUs: () => machine.wallUs(),
      random: dice.random,
      dial: network.dialer(process),
      labels: { zone: agent.endsWith("1") ? "a" : "b" },
    });
    const life: Life = { process, sdk, incarnation, isLeaving: false };
    this.#life = life;
    trace.note(this.name, `starts as ${incarnation}`);
    for (const { name, isIdempotent } of actions)
      sdk.on(name, (instruction) => this.#perform(life, instruction, isIdempotent), {
        idempotent: isIdempotent,
      });
    sdk.onStatus(({ state }) => {
      trace.note(this.name, state);
      if (state === "live") judge.telemetry.greeted(this.name);
      if (state === "closed" && !life.isLeaving)
        judge.breach("nobody is sent away for good", `${this.name}: ${causeOf(sdk)}`);
    });
    sdk.connect().catch((error: unknown) => trace.note(this.name, `gave up: ${String(error)}`));
  }

  /** Dies at once. */
  crash(departure: Departure): void {
    const life = this.#life;
    if (life === undefined) return;
    this.#around.trace.note(this.name, `dies (${departure})`);
    this.#end(life, departure);
  }

  /** Stands still, as under SIGSTOP. */
  hang(): void {
    this.#life?.process.hold();
  }

  /** Goes on, unless its machine sleeps. */
  goOn(): void {
    if (!this.machine.isAsleep) this.#life?.process.release();
  }

  /** Its machine falls asleep; false when the program stands still already. */
  sleep(): boolean {
    const process = this.#life?.process;
    if (process === undefined || process.isHeld) return false;
    this.machine.sleep();
    process.hold();
    return true;
  }

  wake(): void {
    if (!this.machine.isAsleep) return;
    this.machine.wake();
    this.#around.judge.telemetry.stepped(this.name);
    this.#life?.process.release();
  }

  /** Says goodbye and ends. */
  leave(): void {
    const life = this.#life;
    if (life === undefined || life.isLeaving || life.process.isHeld) return;
    this.#around.trace.note(this.name, "leaves");
    life.isLeaving = true;
    life.process.enter(() => {
      void life.sdk.close().then(() => {
        if (this.#life === life) this.#end(life, "close");
      });
    });
  }

  /** Does something as the program, which must be able to. */
  act(perform: (sdk: Agent) => void): void {
    const { sdk } = this;
    if (sdk !== undefined) this.#life?.process.enter(() => perform(sdk));
  }

  #end(life: Life, departure: Departure): void {
    life.process.kill();
    this.wake();
    this.#around.judge.died(this.name, life.incarnation);
    this.#around.network.depart(life.process, "agent", departure);
    this.#life = undefined;
    if (this.#isStartDue) this.start();
  }

  #perform(life: Life, instruction: Instruction, isIdempotent: boolean): unknown {
    const { judge, dice } = this.#around;
    const performance = judge.began({
      part: this.name,
      incarnation: life.incarnation,
      rttUs: life.sdk.statistics.rttUs,
      instruction,
      isIdempotent,
    });
    const conduct = conductOf(dice, instruction.timeoutUs);
    return behave(conduct, life.process.clock, (how) => judge.finished(performance, how));
  }
}

function causeOf({ status }: Agent): string {
  return status.state === "closed" && status.cause !== undefined
    ? `${status.cause.code}: ${status.cause.message}`
    : "no cause";
}
