import type { Arc } from "../../arc.ts";
import { counter, labelled, type MetricRow } from "./row.ts";

/** What agents report, what of it is dropped, and what rules make of it. */
export function intakeRows({ ingest, engine }: Arc): MetricRow[] {
  const { counters } = ingest;
  return [
    counter(
      "myelin_samples_received_total",
      "Samples received from agents, dropped ones included",
      () => counters.receivedSamples,
    ),
    counter(
      "myelin_samples_applied_total",
      "Samples handed to the rules' state, late ones and the node's own of heartbeats included",
      () => engine.counters.samples,
    ),
    labelled(
      "myelin_samples_dropped_total",
      "Samples that no rule sees: late, too far in the future, of a name that is refused, without room for their series, packed against samples that are missing, or of a frame that cannot be read",
      "reason",
      () => [
        ["late", engine.counters.late],
        ["future", engine.counters.future],
        ["name", counters.refusedSamples],
        ["room", engine.counters.refused],
        ["missing", counters.missedSamples],
        ["unreadable", counters.discardedSamples],
      ],
    ),
    counter(
      "myelin_samples_hurried_total",
      "Samples that did not wait for older ones since too many waited already",
      () => counters.hurriedSamples,
    ),
    counter(
      "myelin_metric_names_refused_total",
      "Names of metrics that agents may not send, or for which there was no room",
      () => counters.refusedNames,
    ),
    counter("myelin_events_received_total", "Events received from agents", () => counters.events),
    counter(
      "myelin_twin_changes_refused_total",
      "Changes of agents' states refused for their size",
      () => counters.refusedTwinDeltas,
    ),
    counter(
      "myelin_rule_evaluations_total",
      "Evaluations of rules for agents",
      () => engine.counters.evaluations,
    ),
    counter(
      "myelin_rule_firings_total",
      "Instructions that rules decided on, held back ones included",
      () => engine.counters.firings,
    ),
  ];
}
