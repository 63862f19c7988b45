/**
 * What one agent has reported of its state, part by part, and the one view over its parts.
 *
 * Invariants
 * 1. A part's state is changed only by the change that follows the last one, or replaced by a full one;
 *    after a gap it stays as it is until a full one comes.
 * 2. A part's state is at most `maxSize` large and `maxLevels` deep; a change beyond that is refused.
 * 3. Of a field that several parts report, that of `supervisor` counts least, that of `app` most, the
 *    others by name in between.
 */
import { FewMap, type ReadonlyFew } from "../few/index.ts";
import { type JsonObject, sizeOf } from "@myelin/core/json";
import type { TwinDelta } from "@myelin/core/wire";
import { mergePatch, overlay, ownField } from "./merge-patch.ts";

/** What became of a change: applied, passed over as a repetition, refused for its size, or not to be applied before a full state has come. */
export type TwinOutcome = "applied" | "repeated" | "refused" | "needsFull";

/** Largest state of a part, about its length as JSON. */
export const maxTwinSize: number = 64 * 1024;
/** Deepest nesting of a part's state. */
export const maxTwinLevels = 16;

interface PartState {
  incarnation: string;
  /** Number of the last change applied; 0 before the first of the incarnation. */
  version: number;
  state: JsonObject;
  /** At least the size of `state`. */
  sizeBound: number;
  /** True after a gap or a refusal, until a full state comes. */
  needsFull: boolean;
}

const empty: JsonObject = Object.freeze({});
const nothing: readonly string[] = [];

export class AgentTwin {
  readonly #parts = new FewMap<string, PartState>();
  #view: JsonObject = empty;
  #changed = nothing;
  /** Size that the state refused last would have had; Infinity for one nested too deeply. */
  refusedBytes = 0;

  /** The agent's state over all its parts. */
  get view(): JsonObject {
    return this.#view;
  }

  /** Names of the top-level fields that the last applied change may have changed. */
  get changedFields(): readonly string[] {
    return this.#changed;
  }

  /** A part begins to report; a new incarnation counts its changes anew, and its old state shows until then. */
  open(part: string, incarnation: string): void {
    const present = this.#parts.get(part);
    if (present === undefined) {
      this.#parts.set(part, {
        incarnation,
        version: 0,
        state: empty,
        sizeBound: 2,
        needsFull: false,
      });
    } else if (present.incarnation !== incarnation) {
      present.incarnation = incarnation;
      present.version = 0;
      present.needsFull = false;
    }
  }

  /** Applies a change of a part that was opened. */
  apply(part: string, delta: TwinDelta): TwinOutcome {
    const present = this.#parts.get(part);
    if (present === undefined) return "needsFull";
    if (delta.version < present.version || (delta.version === present.version && !delta.isFull))
      return "repeated";
    const isNext = delta.version === present.version + 1 && !present.needsFull;
    if (!delta.isFull && !isNext) {
      present.needsFull = true;
      return "needsFull";
    }
    const base = delta.isFull || present.version === 0 ? empty : present.state;
    const patchSize = sizeOf(delta.patch, maxTwinLevels);
    const state = mergePatch(base, delta.patch);
    let sizeBound = (base === empty ? 2 : present.sizeBound) + patchSize;
    if (sizeBound > maxTwinSize)
      sizeBound = patchSize === Number.POSITIVE_INFINITY ? patchSize : sizeOf(state, maxTwinLevels);
    if (sizeBound > maxTwinSize) {
      present.needsFull = true;
      this.refusedBytes = sizeBound;
      return "refused";
    }
    this.#changed = changedFields(present.state, state);
    present.state = state;
    present.sizeBound = sizeBound;
    present.version = delta.version;
    present.needsFull = false;
    this.#view = viewOver(this.#parts);
    return "applied";
  }
}

function changedFields(before: JsonObject, after: JsonObject): readonly string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].filter((name) => !Object.is(ownField(before, name), ownField(after, name)));
}

function viewOver(parts: ReadonlyFew<string, PartState>): JsonObject {
  const reporting = [...parts].filter(([, { state }]) => state !== empty);
  reporting.sort(([a], [b]) => rank(a) - rank(b) || (a < b ? -1 : 1));
  return reporting
    .map(([, { state }]) => state)
    .reduce((under, over) => (under === empty ? over : overlay(under, over)), empty);
}

function rank(part: string): number {
  if (part === "app") return 2;
  return part === "supervisor" ? 0 : 1;
}
