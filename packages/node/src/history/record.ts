/**
 * What stands in the log of histories: records as words, some in each entry. Who has a slot is told by the whole record of
 * it, and by no other; what was before the first layout is not told.
 */
import type { AgentId } from "@myelin/core/ids";
import {
  type HistoryLayout,
  type HistoryRecord,
  WordReader,
  type WordWriter,
} from "../engine/index.ts";

/** Kinds of records. */
const kinds = { layout: 0, whole: 1, further: 2, left: 3 } as const;

/** What a layout means for what stands before it. */
export const layoutKinds = {
  /** Rules have changed. */
  rules: 0,
  /** A run begins: slots are given anew. */
  run: 1,
  /** The window has passed for agents that have no whole record since the run began: they have left. */
  window: 2,
  /** Something before is missing: nothing of it counts. */
  anew: 3,
} as const;

export type LayoutKind = (typeof layoutKinds)[keyof typeof layoutKinds];

export function writeLayout(into: WordWriter, kind: LayoutKind, layout: HistoryLayout): void {
  begin(into, kinds.layout, kind, () => into.text(JSON.stringify(layout)));
}

export function writeLeft(into: WordWriter, slot: number): void {
  begin(into, kinds.left, slot, () => undefined);
}

/** Writes what `write` makes of a slot; nothing when that says so. */
export function writeSlot(
  into: WordWriter,
  slot: number,
  wholeOf: AgentId | undefined,
  write: () => boolean,
): void {
  const from = into.count;
  let isSomething = true;
  begin(into, wholeOf === undefined ? kinds.further : kinds.whole, slot, () => {
    if (wholeOf !== undefined) into.text(wholeOf);
    isSomething = write();
  });
  if (!isSomething) into.cut(from);
}

function begin(into: WordWriter, kind: number, of: number, write: () => void): void {
  into.number(kind);
  into.number(of);
  const place = into.gap();
  write();
  into.fill(place, into.count - place - 1);
}

/** What the entries of a log come to. */
export interface Pasts {
  /** The last layout; undefined where there is none. */
  readonly layout: HistoryLayout | undefined;
  /** By agent a whole record, and those behind it. */
  readonly records: Map<string, HistoryRecord[]>;
}

export function readPasts(entries: readonly Uint8Array[]): Pasts {
  const records = new Map<string, HistoryRecord[]>();
  let layout: HistoryLayout | undefined;
  let agents = new Map<number, string>();
  for (const { buffer, byteOffset, byteLength } of entries) {
    const words = new Float64Array(buffer, byteOffset, byteLength / 8);
    const from = new WordReader(words);
    while (!from.isAtEnd) {
      const kind = from.number();
      const of = from.number();
      const size = from.number();
      const end = from.at + size;
      if (kind === kinds.layout) {
        layout = JSON.parse(from.text()) as HistoryLayout;
        if (of === layoutKinds.window) retain(records, new Set(agents.values()));
        if (of === layoutKinds.anew) records.clear();
        if (of === layoutKinds.run || of === layoutKinds.anew) agents = new Map();
      } else if (layout !== undefined && kind === kinds.whole) {
        const agent = from.text();
        agents.set(of, agent);
        records.set(agent, [{ layout, words, at: from.at, end }]);
      } else if (layout !== undefined) {
        const agent = agents.get(of);
        if (agent !== undefined && kind === kinds.further)
          records.get(agent)?.push({ layout, words, at: from.at, end });
        else if (agent !== undefined) {
          agents.delete(of);
          records.delete(agent);
        }
      }
      from.at = end;
    }
  }
  return { layout, records };
}

function retain(records: Map<string, unknown>, present: ReadonlySet<string>): void {
  for (const agent of records.keys()) if (!present.has(agent)) records.delete(agent);
}
