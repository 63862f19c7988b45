// An agent that must notice nothing of what happens to others: how long its control loop takes.
import { readFileSync } from "node:fs";
import { type Agent, connect } from "@myelin/agent";
import type { NodeProcess } from "../../e2e/support/index.ts";

/** The rule that a pulse needs; to be applied with those of the test. */
export const pulseRule = {
  name: "pulse",
  where: 'agent.type == "pulse"',
  expr: "pulse > 0.5",
  action: "beat",
};

/** What a number of beats took, in milliseconds from the report to the handler. */
export interface Beats {
  readonly medianMs: number;
  readonly slowestMs: number;
  readonly count: number;
}

/** An agent of this process beside those that are troubled. */
export class Pulse implements AsyncDisposable {
  readonly #agent: Agent;
  #beaten = Promise.withResolvers<void>();

  private constructor(agent: Agent) {
    this.#agent = agent;
    agent.on("beat", () => this.#beaten.resolve());
  }

  static async start(node: NodeProcess): Promise<Pulse> {
    const pulse = new Pulse(await connect({ url: node.url, id: "pulse", type: "pulse" }));
    await pulse.beats(30);
    return pulse;
  }

  /** Has so many of its samples fire a rule, one after another. */
  beats(count: number): Promise<Beats> {
    let left = count;
    return this.beatsWhile(() => left-- > 0);
  }

  /** The same until something has happened; at least 20 times. */
  async beatsUntil(happened: Promise<unknown>): Promise<Beats> {
    let isOver = false;
    let least = 20;
    happened.finally(() => (isOver = true)).catch(() => undefined);
    const beats = await this.beatsWhile(() => least-- > 0 || !isOver);
    await happened;
    return beats;
  }

  async beatsWhile(goesOn: () => boolean): Promise<Beats> {
    const timesMs: number[] = [];
    while (goesOn()) {
      this.#beaten = Promise.withResolvers();
      const startedAtMs = performance.now();
      this.#agent.report({ pulse: 1 });
      await this.#beaten.promise;
      timesMs.push(performance.now() - startedAtMs);
      this.#agent.report({ pulse: 0 });
      await this.#agent.flush();
    }
    const sorted = timesMs.toSorted((a, b) => a - b);
    return {
      medianMs: sorted[sorted.length >> 1] ?? Number.NaN,
      slowestMs: sorted.at(-1) ?? Number.NaN,
      count: sorted.length,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent.close();
  }
}

/** Bytes of a process that are in memory. */
export function residentBytes(pid: number | undefined): number {
  const [, kilobytes] =
    /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kilobytes) * 1024;
}

/** True when the loop beside a trouble was as before it, within what a busy machine does to it. */
export function isSteady(before: Beats, during: Beats): boolean {
  return during.medianMs <= 4 * before.medianMs + 2;
}

/** Both, to be printed. */
export function textOfBeats(before: Beats, during: Beats): string {
  const text = ({ medianMs, slowestMs, count }: Beats): string =>
    `${medianMs.toFixed(2)} ms in the median, ${slowestMs.toFixed(1)} ms at most (${count})`;
  return `another agent's control loop: ${text(before)} before, ${text(during)} meanwhile`;
}
