/**
 * What rules did with each spell of load, by the account of the node: a hot spell is one episode, whatever
 * crashes, and is acted on again only after a failure.
 *
 * The load of a report says which spell of its part it belongs to, and the rule's args tell that load. Agents of
 * several parts are left out: the spells of their parts mix.
 */
import type { LedgerEntry } from "../../../packages/node/src/ports/store.ts";
import {
  type InstructionDocument,
  type InstructionStatus,
  parseTime,
} from "@myelin/core/instruction";
import { spellOf } from "../fleet/spells.ts";
import type { SimNode } from "../node/sim-node.ts";
import type { Judge } from "./judge.ts";

/** Judges all that the ledger has of the rule `spin`, for these agents. */
export function checkEpisodes(node: SimNode, agents: ReadonlySet<string>, judge: Judge): void {
  const bySpell = new Map<string, LedgerEntry[]>();
  for (const { entry } of node.disk.ledger.values()) {
    const { document, episode } = entry;
    if (episode?.rule !== "spin" || !agents.has(document.agent)) continue;
    checkAttempt(node, entry, judge);
    // Of what a killed run had sent its agent tells the outcome, but no args.
    const [begun] = judge.records.of(document.id).performances;
    const spell = spellOf(document.args["reason"] ?? begun?.reason);
    if (spell === undefined) continue;
    const key = `${document.agent} ${episode.meaningVersion} ${episode.timeLine} ${spell}`;
    const entries = bySpell.get(key) ?? [];
    entries.push(entry);
    bySpell.set(key, entries);
  }
  for (const entries of bySpell.values()) checkSpell(node, entries, judge);
}

/** A further attempt has a failed one before it. */
function checkAttempt(node: SimNode, { document, episode }: LedgerEntry, judge: Judge): void {
  if (episode === undefined || episode.attempt === 1) return;
  const decidedAtUs = parseTime(document.createdAt);
  for (const { entry } of node.disk.ledger.values()) {
    const earlier = entry.episode;
    if (
      earlier?.rule === episode.rule &&
      earlier.agent === episode.agent &&
      earlier.meaningVersion === episode.meaningVersion &&
      earlier.timeLine === episode.timeLine &&
      earlier.startedAtUs === episode.startedAtUs &&
      earlier.attempt === episode.attempt - 1 &&
      statusAt(entry.document, decidedAtUs, judge) === "executed"
    )
      judge.breach(
        "only what failed is attempted again",
        `${document.id} after ${entry.document.id}, which was executed`,
      );
  }
}

/**
 * The end that the node had told of by then. Where its ledger had no room for the end it may hear another word of
 * the agent afterwards; an attempt that was decided before that is one after a failure all the same.
 */
function statusAt(
  { id, status }: InstructionDocument,
  atUs: number,
  judge: Judge,
): InstructionStatus {
  const told = judge.records.of(id).ends.findLast((end) => end.atUs <= atUs);
  return told?.status ?? status;
}

/** What an agent had begun in a spell was its episode: as long as the agent has not left there is no other. */
function checkSpell(node: SimNode, entries: readonly LedgerEntry[], judge: Judge): void {
  for (const later of entries)
    for (const earlier of entries) {
      const [first, second] = [earlier.episode, later.episode];
      if (first === undefined || second === undefined || first.startedAtUs >= second.startedAtUs)
        continue;
      const { id, agent, createdAt } = earlier.document;
      const createdAtUs = parseTime(later.document.createdAt);
      const begun = judge.records.of(id).performances.map(({ begunAtUs }) => begunAtUs);
      const hadBegun = begun.some((begunAtUs) => begunAtUs < createdAtUs);
      const fromUs = Math.min(parseTime(createdAt), ...begun);
      if (hadBegun && !node.presence.hasLeft(agent, fromUs, createdAtUs))
        judge.breach(
          "a spell is one episode",
          `${later.document.id} begins another than ${id} did, though ${agent} had not left`,
        );
    }
}
