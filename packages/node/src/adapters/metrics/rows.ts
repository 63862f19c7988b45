import process from "node:process";
import { instructionRows } from "./instruction-rows.ts";
import { intakeRows } from "./intake-rows.ts";
import { counter, gauge, labelled, type MetricRow } from "./row.ts";
import { sessionRows } from "./session-rows.ts";
import type { MetricSources } from "./sources.ts";

/** Every metric of the node but those of its queues, its disk and its process. */
export function rowsOf(sources: MetricSources): readonly MetricRow[] {
  return [
    ...nodeRows(sources),
    ...sessionRows(sources),
    ...intakeRows(sources.arc),
    ...instructionRows(sources.arc),
    ...storeRows(sources),
  ];
}

function nodeRows({ arc, answers, node }: MetricSources): MetricRow[] {
  return [
    gauge("myelin_build_info", "1, with what runs", () => [
      [{ version: node.version, nodejs: process.versions.node, tier: node.tier }, 1],
    ]),
    gauge("myelin_rules", "Rules in force", () => arc.rules.list().length),
    gauge(
      "myelin_enforcement",
      "1 while rules are enforced, 0 while all decide as in shadow mode",
      () => (arc.enforcement.isOn ? 1 : 0),
    ),
    gauge(
      "myelin_rule_breakers_open",
      "Rules whose breakers are open",
      () => arc.engine.openBreakers().length,
    ),
    gauge(
      "myelin_overload_level",
      "How far the node relieves itself: 1 reads no bulk, 2 delays low scores, 3 sheds",
      () => arc.overload?.level ?? 0,
    ),
    gauge("myelin_load", "The node's load, 1 is all it can do", () => arc.overload?.load ?? 0),
    gauge("myelin_watchers", "Who watch the node", () => arc.watch.watcherCount),
    counter(
      "myelin_watch_events_lost_total",
      "Events that a watcher was told to be lost, for it was too far behind",
      () => arc.watch.counters.lost,
    ),
    counter(
      "myelin_watchers_cut_off_total",
      "Watchers cut off because they did not read",
      () => arc.watch.counters.cutOff,
    ),
    labelled("myelin_http_requests_total", "Answers over HTTP by status", "status", () => answers),
  ];
}

function storeRows({ arc, store }: MetricSources): MetricRow[] {
  return [
    gauge("myelin_store_writable", "1 while the store takes writes", () =>
      store.health().isWritable ? 1 : 0,
    ),
    counter(
      "myelin_ledger_entries_dropped_total",
      "Entries of the ledger dropped because the disk did not take them",
      () => store.health().droppedLedgerEntries,
    ),
    gauge(
      "myelin_episodes_kept",
      "Episodes kept for the node's next start",
      () => arc.episodes.size,
    ),
    counter(
      "myelin_episodes_dropped_total",
      "Episodes not kept for want of room: their agents keep the outcomes, what is pending begins anew",
      () => arc.episodes.counters.dropped,
    ),
    counter(
      "myelin_episode_writes_refused_total",
      "Episodes that the disk did not take when they were written; they are written again",
      () => arc.episodes.counters.refused,
    ),
    counter(
      "myelin_recording_inputs_total",
      "Inputs of rules recorded",
      () => arc.recorder?.counters.inputs ?? 0,
    ),
    counter(
      "myelin_recording_bytes_total",
      "Bytes recorded",
      () => arc.recorder?.counters.bytes ?? 0,
    ),
    counter(
      "myelin_recording_inputs_dropped_total",
      "Inputs of rules not recorded, since the disk was behind or did not take them",
      () => arc.recorder?.counters.dropped ?? 0,
    ),
    counter(
      "myelin_recording_writes_refused_total",
      "Writes of the recording that the disk refused",
      () => arc.recorder?.counters.refused ?? 0,
    ),
    counter(
      "myelin_audit_entries_dropped_total",
      "Entries of the audit dropped because the disk did not take them",
      () => arc.audit.counters.dropped,
    ),
    counter(
      "myelin_audit_refusals_suppressed_total",
      "Refused attempts that the audit counts only, for there were many",
      () => arc.audit.counters.suppressed,
    ),
  ];
}
