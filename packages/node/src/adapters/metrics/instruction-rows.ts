import { stageNames } from "@myelin/core/instruction";
import type { Arc } from "../../arc.ts";
import { counter, gauge, histogram, labelled, type MetricRow } from "./row.ts";

/** What becomes of instructions, and how long it takes. */
export function instructionRows({ dispatch, scheduler, ledger }: Arc): MetricRow[] {
  return [
    gauge(
      "myelin_instructions_open",
      "Instructions accepted and not ended",
      () => dispatch.openCount,
    ),
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
    histogram(
      "myelin_instruction_duration_seconds",
      "From the sample, or the call, until instructions were executed",
      () => [[{}, ledger.thisLife.total]],
    ),
    histogram(
      "myelin_instruction_node_duration_seconds",
      "Of that, the node's own time: from the frame read to the instruction written",
      () => [[{}, ledger.thisLife.node]],
    ),
    histogram("myelin_instruction_stage_duration_seconds", "Stages of instructions", () =>
      stageNames.map((stage) => [{ stage }, ledger.thisLife.stages[stage]]),
    ),
  ];
}
