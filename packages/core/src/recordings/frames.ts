/**
 * Puts what lines tell into the order and the frames in which a node would hear it.
 *
 * Invariants
 * 1. The clock of the telling is the newest instant so far: what is older keeps its own time, and is told in the order of the
 *    lines, as something that came late.
 * 2. Samples of one agent and one instant are one frame, though lines of other agents stand between them: rules see them
 *    together. What else is told of the agent comes behind its samples before.
 */
import type { JsonObject } from "../json/index.ts";
import type { AgentAttributes } from "../rules/index.ts";
import type { Recorded, RecordedSample } from "./recorded.ts";

/** Parts of an agent in the engine: what the node observes, and the program. */
const parts = { node: 0, app: 1 } as const;
/** What the node alone observes. */
const observed = "heartbeat_age";
/** A frame with more samples of one instant is told in pieces. */
const maxSamples = 10_000;

interface OpenFrame {
  readonly agent: string;
  readonly part: number;
  readonly timeUs: number;
  readonly samples: RecordedSample[];
}

/** How much of a text stood behind what was told before it. */
export interface Behind {
  /** Lines that are older than one before them. */
  readonly lines: number;
  /** The first of them, 1-based; 0 when there is none. */
  readonly firstLine: number;
  /** How far back the farthest goes, microseconds. */
  readonly mostUs: number;
}

export class Frames {
  #told: Recorded[] = [];
  #atUs: number = Number.NEGATIVE_INFINITY;
  /** By agent, with the node's own part apart. */
  readonly #open: Map<string, OpenFrame> = new Map();
  #behind = { lines: 0, firstLine: 0, mostUs: 0 };

  get behind(): Behind {
    return this.#behind;
  }

  /** A line of this instant begins: what was told of instants before is complete. */
  at(timeUs: number, line: number): void {
    if (timeUs === this.#atUs) return;
    if (timeUs > this.#atUs) {
      this.#closeAll();
      this.#atUs = timeUs;
      return;
    }
    const { lines, firstLine, mostUs } = this.#behind;
    this.#behind = {
      lines: lines + 1,
      firstLine: firstLine === 0 ? line : firstLine,
      mostUs: Math.max(mostUs, this.#atUs - timeUs),
    };
  }

  sample(agent: string, metric: string, value: number, timeUs: number): void {
    const part = metric === observed ? parts.node : parts.app;
    const key = part === parts.node ? ` ${agent}` : agent;
    let frame = this.#open.get(key);
    if (frame === undefined || frame.timeUs !== timeUs || frame.samples.length >= maxSamples) {
      if (frame !== undefined) this.#close(key, frame);
      frame = { agent, part, timeUs, samples: [] };
      this.#open.set(key, frame);
    }
    frame.samples.push({ metric, value, timeUs });
  }

  event(agent: string, type: string, attrs: JsonObject, timeUs: number): void {
    this.#tell(agent, { kind: "event", ...this.#from(agent), timeUs, type, attrs });
  }

  twin(agent: string, twin: JsonObject, timeUs: number): void {
    this.#tell(agent, { kind: "twin", ...this.#from(agent), timeUs, twin });
  }

  join(attributes: AgentAttributes): void {
    const agent = attributes.id;
    this.#tell(agent, { kind: "join", atUs: this.#atUs, agent, attributes });
  }

  leave(agent: string): void {
    this.#tell(agent, { kind: "leave", atUs: this.#atUs, agent });
  }

  /** What was told since it was last taken; what may still belong to the last instant only when nothing follows. */
  take(isEnd: boolean): readonly Recorded[] {
    if (isEnd) this.#closeAll();
    const told = this.#told;
    this.#told = [];
    return told;
  }

  #from(agent: string): { atUs: number; agent: string; part: number } {
    return { atUs: this.#atUs, agent, part: parts.app };
  }

  #tell(agent: string, entry: Recorded): void {
    for (const key of [agent, ` ${agent}`]) {
      const frame = this.#open.get(key);
      if (frame !== undefined) this.#close(key, frame);
    }
    this.#told.push(entry);
  }

  #close(key: string, { agent, part, samples }: OpenFrame): void {
    this.#open.delete(key);
    this.#told.push({ kind: "samples", atUs: this.#atUs, agent, part, samples });
  }

  #closeAll(): void {
    if (this.#open.size === 0) return;
    const atUs = this.#atUs;
    for (const { agent, part, samples } of this.#open.values())
      this.#told.push({ kind: "samples", atUs, agent, part, samples });
    this.#open.clear();
  }
}
