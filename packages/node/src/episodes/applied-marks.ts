import type { AgentId } from "@myelin/core/ids";

/** Up to where the samples of a clock were applied by an earlier run of the node. */
export interface Mark {
  /** On that clock; undefined where only the episode is known. */
  readonly partUs: number | undefined;
  /** Latest start of an episode of that clock that is known to have been decided by then, on the node's clock; -Infinity for none. */
  readonly startedAtUs: number;
}

/** Most clocks of one agent; one more takes the place of the first. */
const maxClocks = 16;

/** The marks of clocks that have not been heard of since the node's start. */
export class AppliedMarks {
  readonly #marks = new Map<AgentId, Map<string, Mark>>();

  /** Takes note of a mark; the later of what is known of the clock counts. */
  note(agent: AgentId, clockName: string, { partUs, startedAtUs }: Mark): void {
    const marks = this.#marks.get(agent) ?? new Map<string, Mark>();
    this.#marks.set(agent, marks);
    const known = marks.get(clockName);
    const latestUs = Math.max(known?.partUs ?? -Infinity, partUs ?? -Infinity);
    marks.set(clockName, {
      partUs: latestUs === -Infinity ? undefined : latestUs,
      startedAtUs: Math.max(known?.startedAtUs ?? -Infinity, startedAtUs),
    });
    const [first] = marks.keys();
    if (marks.size > maxClocks && first !== undefined) marks.delete(first);
  }

  /** Gives what is known of a clock, once. */
  take(agent: AgentId, clockName: string): Mark | undefined {
    const marks = this.#marks.get(agent);
    const mark = marks?.get(clockName);
    if (marks?.delete(clockName) === true && marks.size === 0) this.#marks.delete(agent);
    return mark;
  }

  /** By the names of an agent's clocks that have not been heard of, up to where they were applied. */
  waiting(agent: AgentId): Readonly<Record<string, number>> {
    const waiting: Record<string, number> = Object.create(null);
    for (const [name, { partUs }] of this.#marks.get(agent) ?? [])
      if (partUs !== undefined) waiting[name] = partUs;
    return waiting;
  }

  forget(agent: AgentId): void {
    this.#marks.delete(agent);
  }
}
