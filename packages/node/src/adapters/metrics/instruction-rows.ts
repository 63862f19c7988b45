import { stageNames } from "@myelin/core/instruction";
import type { Arc } from "../../arc.ts";
import type { AccountFigures, LatencyFigures } from "../../ledger/index.ts";
import { counter, gauge, labelled, type MetricRow, type MetricValue } from "./row.ts";

/** What becomes of instructions, and how long it takes. */
export function instructionRows({ dispatch, scheduler, ledger }: Arc): MetricRow[] {
  return [
    gauge(
      "myelin_instructions_open",
      "Instructions accepted and not ended",
      () => dispatch.openCount,
    ),
    gauge("myelin_scheduler_queue", "Instructions waiting in the scheduler", () => scheduler.size),
    counter(
      "myelin_instructions_delayed_total",
      "Instructions delayed for their low score",
      () => scheduler.counters.delayed,
    ),
    counter(
      "myelin_instructions_expired_queued_total",
      "Instructions that expired in the queue",
      () => scheduler.counters.expired,
    ),
    labelled("myelin_instructions_ended_total", "Ended instructions by status", "status", () =>
      Object.entries(ledger.endedCounts),
    ),
    labelled(
      "myelin_instructions_shed_total",
      "Instructions of rules given up, by the bound at which they were: of the queue, of the queue under overload, of what waits for an agent, of what is open",
      "reason",
      () => Object.entries(scheduler.counters.shed),
    ),
    counter(
      "myelin_answers_late_total",
      "Acknowledgements for instructions that had ended",
      () => dispatch.lateAnswers,
    ),
    {
      kind: "gauge",
      name: "myelin_instruction_latency_seconds",
      help: "Latency of executed instructions by stage and quantile",
      labelNames: ["stage", "quantile"],
      read: () => latencies(ledger.figures()),
    },
  ];
}

function latencies({ totalUs, nodeUs, stagesUs }: AccountFigures): MetricValue[] {
  return [
    ...quantiles("total", totalUs),
    ...quantiles("node", nodeUs),
    ...stageNames.flatMap((stage) => quantiles(stage, stagesUs[stage])),
  ];
}

function quantiles(stage: string, { p50, p90, p99, p999 }: LatencyFigures): MetricValue[] {
  const byQuantile = { "0.5": p50, "0.9": p90, "0.99": p99, "0.999": p999 };
  return Object.entries(byQuantile).flatMap(([quantile, us]) =>
    us === null ? [] : [[{ stage, quantile }, us / 1e6] as const],
  );
}
