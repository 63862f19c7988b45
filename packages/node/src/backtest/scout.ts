/**
 * Reads a node's recording some way ahead of its replay, and knows what is to come: how instructions end, when agents leave,
 * and when timers ran.
 *
 * Invariants
 * 1. Of what it has read it keeps only these, and only those that the replay has not come to.
 */
import type { Recorded } from "@myelin/core/recordings";

type End = Extract<Recorded, { readonly kind: "end" }>;

export class Scout {
  readonly #batches: AsyncIterator<readonly Recorded[]>;
  readonly #ends: Map<string, number> = new Map();
  /** By agent, when it leaves. */
  readonly #leavesUs: Map<string, number[]> = new Map();
  /** Instants at which timers ran; those before `#passed` lie behind the replay. */
  #timersUs: number[] = [];
  #passed = 0;
  /** Everything up to this instant is known. */
  #reachedUs: number = Number.NEGATIVE_INFINITY;

  constructor(batches: AsyncIterable<readonly Recorded[]>) {
    this.#batches = batches[Symbol.asyncIterator]();
  }

  /** Whether what happens up to an instant is known. */
  knows(untilUs: number): boolean {
    return this.#reachedUs > untilUs;
  }

  /** Reads on until what happens up to an instant is known. */
  async reach(untilUs: number): Promise<void> {
    while (!this.knows(untilUs)) {
      const { done, value } = await this.#batches.next();
      if (done === true) {
        this.#reachedUs = Number.POSITIVE_INFINITY;
        return;
      }
      for (const entry of value) this.#note(entry);
    }
  }

  /** When timers run next; Infinity when they do not, as far as is known. */
  get nextTimersUs(): number {
    return this.#timersUs[this.#passed] ?? Number.POSITIVE_INFINITY;
  }

  /** Whether it is to come that an instruction ends. */
  hasEnd(rule: string, agent: string, startedAtUs: number, attempt: number): boolean {
    return this.#ends.has(endKey(rule, agent, startedAtUs, attempt));
  }

  /** When the agent leaves next; Infinity when it does not, as far as is known. */
  leavesUs(agent: string): number {
    return this.#leavesUs.get(agent)?.[0] ?? Number.POSITIVE_INFINITY;
  }

  /** The replay comes to an entry. */
  pass(entry: Recorded): void {
    if (entry.kind === "end") this.#count(keyOf(entry), -1);
    else if (entry.kind === "leave") {
      const [, ...rest] = this.#leavesUs.get(entry.agent) ?? [];
      if (rest.length === 0) this.#leavesUs.delete(entry.agent);
      else this.#leavesUs.set(entry.agent, rest);
    } else if (entry.kind === "timers") {
      this.#passed += 1;
      if (this.#passed < 1_024) return;
      this.#timersUs = this.#timersUs.slice(this.#passed);
      this.#passed = 0;
    }
  }

  async close(): Promise<void> {
    await this.#batches.return?.();
  }

  #note(entry: Recorded): void {
    this.#reachedUs = Math.max(this.#reachedUs, entry.atUs);
    if (entry.kind === "timers") this.#timersUs.push(entry.atUs);
    else if (entry.kind === "end") this.#count(keyOf(entry), 1);
    else if (entry.kind === "leave") {
      const leavesUs = this.#leavesUs.get(entry.agent);
      if (leavesUs === undefined) this.#leavesUs.set(entry.agent, [entry.atUs]);
      else leavesUs.push(entry.atUs);
    }
  }

  #count(key: string, by: number): void {
    const count = (this.#ends.get(key) ?? 0) + by;
    if (count > 0) this.#ends.set(key, count);
    else this.#ends.delete(key);
  }
}

/** Names one instruction of a rule. */
export function endKey(rule: string, agent: string, startedAtUs: number, attempt: number): string {
  return `${rule} ${agent} ${startedAtUs} ${attempt}`;
}

function keyOf({ rule, agent, startedAtUs, attempt }: End): string {
  return endKey(rule, agent, startedAtUs, attempt);
}
