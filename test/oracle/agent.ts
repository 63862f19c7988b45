/** What the oracle knows of an agent: everything that ever came, so that each answer can be made anew from it. */
import type { JsonObject } from "@myelin/core/json";
import type { AgentAttributes } from "@myelin/core/rules";
import type { Point } from "./series.ts";

/** A sample or an event in its place: by time, and by coming among those of one time. */
export interface Kept extends Point {
  /** Counts all that came to the node. */
  readonly number: number;
}

/** The samples of one metric of an agent. */
export class Series {
  readonly points: Kept[] = [];
  /** The latest value, its time, and who sent it in which of its time lines. */
  value: number = Number.NaN;
  atUs: number = Number.NEGATIVE_INFINITY;
  part = "";
  line = 0;

  add(point: Kept, part: string, line: number): void {
    insert(this.points, point);
    this.value = point.value;
    this.atUs = point.atUs;
    this.part = part;
    this.line = line;
  }
}

function insert(points: Kept[], point: Kept): void {
  const later = points.findLastIndex(({ atUs }) => atUs <= point.atUs) + 1;
  points.splice(later, 0, point);
}

/** The state of a rule for an agent. */
export interface Cell {
  isMatching: boolean;
  state: "inactive" | "pending" | "firing";
  sinceUs: number;
  /** Since when the end of the episode has held. */
  endingSinceUs: number | undefined;
  /** When the rule was last evaluated for the agent. */
  evaluatedUs: number;
  /** The latest instant at which it began or ceased to fire, and whether it fired before that. */
  changedUs: number;
  wasFiring: boolean;
  attempt: number;
  hasFailed: boolean;
  /** The start of the episode of its latest instruction. */
  emittedUs: number;
  cooldownUntilUs: number;
}

export function newCell(): Cell {
  return {
    isMatching: false,
    state: "inactive",
    sinceUs: Number.NaN,
    endingSinceUs: undefined,
    evaluatedUs: Number.NEGATIVE_INFINITY,
    changedUs: Number.NaN,
    wasFiring: false,
    attempt: 0,
    hasFailed: false,
    emittedUs: Number.NaN,
    cooldownUntilUs: Number.NEGATIVE_INFINITY,
  };
}

/** A sample that is held back. */
export interface Held {
  readonly part: string;
  readonly metric: string;
  readonly value: number;
  readonly atUs: number;
  readonly arrivedUs: number;
}

export class Agent {
  readonly id: string;
  attributes: AgentAttributes;
  twin: JsonObject = {};
  readonly joinedUs: number;
  /** True until its first evaluation, at which its attributes are new. */
  isNew = true;
  /** Evaluation time; it never goes back. */
  timeUs: number = Number.NEGATIVE_INFINITY;
  /** The latest instant at which a rule was evaluated. */
  evaluatedUs: number = Number.NEGATIVE_INFINITY;
  /** Newest instant applied of each part, within its time line. */
  readonly newestUs: Map<string, number> = new Map();
  /** Newest event of each part, within its time line. */
  readonly newestEventUs: Map<string, number> = new Map();
  /** How many time lines each part has begun. */
  readonly lines: Map<string, number> = new Map();
  readonly series: Map<string, Series> = new Map();
  readonly events: (Kept & { readonly type: string })[] = [];
  readonly cells: Map<string, Cell> = new Map();
  held: Held[] = [];
  /** The newest of its samples that may be held back. */
  newestSampleUs: number = Number.NEGATIVE_INFINITY;

  constructor(attributes: AgentAttributes, joinedUs: number) {
    this.id = attributes.id;
    this.attributes = attributes;
    this.joinedUs = joinedUs;
  }

  cell(rule: string): Cell {
    const found = this.cells.get(rule) ?? newCell();
    this.cells.set(rule, found);
    return found;
  }

  line(part: string): number {
    return this.lines.get(part) ?? 0;
  }
}
