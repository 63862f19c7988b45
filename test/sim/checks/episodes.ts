/**
 * What rules did with each spell of load, by the account of the node: a hot spell is one episode, whatever
 * crashes, and is acted on again only after a failure.
 *
 * The load of a report says which spell of its part it belongs to, and the rule's args tell that load. Agents of
 * several parts are left out: the spells of their parts mix.
 */
import type { LedgerEntry } from "../../../packages/node/src/ports/store.ts";
import { parseTime } from "@myelin/core/instruction";
import { spellOf } from "../fleet/workload.ts";
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
  for (const { entry } of node.disk.ledger.values()) {
    const earlier = entry.episode;
    if (
      earlier?.rule === episode.rule &&
      earlier.agent === episode.agent &&
      earlier.meaningVersion === episode.meaningVersion &&
      earlier.timeLine === episode.timeLine &&
      earlier.startedAtUs === episode.startedAtUs &&
      earlier.attempt === episode.attempt - 1 &&
      entry.document.status === "executed"
    )
      judge.breach(
        "only what failed is attempted again",
        `${document.id} after ${entry.document.id}, which was executed`,
      );
  }
}

/**
 * What an agent had begun and the node had not on disk when a run started is told in the agent's next
 * hello: that run knows its episode, and begins no other in the same spell.
 */
function checkSpell(node: SimNode, entries: readonly LedgerEntry[], judge: Judge): void {
  for (const later of entries)
    for (const earlier of entries) {
      const [first, second] = [earlier.episode, later.episode];
      if (first === undefined || second === undefined || first.startedAtUs >= second.startedAtUs)
        continue;
      const createdAtUs = parseTime(later.document.createdAt);
      const run = node.runs.findLast(({ startedAtUs }) => startedAtUs <= createdAtUs);
      const { id } = earlier.document;
      if (run === undefined || run.accounted.has(id)) continue;
      const hadBegun = judge.records
        .of(id)
        .performances.some(({ begunAtUs }) => begunAtUs < run.startedAtUs);
      // Samples of before the episode that are sent again end it for the new run: there it begins anew.
      const part = `${earlier.document.agent}/${earlier.document.part}`;
      const isRepeated = judge.telemetry.isRepeated(part, first.startedAtUs, run.startedAtUs);
      if (hadBegun && !isRepeated)
        judge.breach(
          "a spell is one episode",
          `${later.document.id} begins another than ${id} did, after a restart of the node`,
        );
    }
}
