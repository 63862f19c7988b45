import { type InstructionDocument, stageNames } from "@myelin/core/instruction";
import { readableUs } from "../output/index.ts";

/** How the demo tells what happens. */
export interface Timeline {
  note(text: string): void;
  instruction(document: InstructionDocument): void;
  summary(summary: DemoSummary): void;
}

/** What the demo came to. */
export interface DemoSummary {
  readonly seconds: number;
  /** Ended instructions by status. */
  readonly counts: Readonly<Record<string, number>>;
  /** Which misbehaving worker was caught by which rules. */
  readonly caught: Readonly<Record<string, readonly string[]>>;
  /** True when each misbehaving worker was caught. */
  readonly isComplete: boolean;
  /** From the sample to executed, and inside the node, in microseconds. */
  readonly latencyUs: Readonly<Record<string, number | null>>;
}

/** One JSON line for each ended instruction, and one for the summary. */
export function jsonTimeline(write: (text: string) => void): Timeline {
  const line = (document: unknown): void => write(`${JSON.stringify(document)}\n`);
  return { note: () => {}, instruction: line, summary: (summary) => line({ summary }) };
}

/** Lines for people. */
export function readableTimeline(write: (text: string) => void, clockMs: () => number): Timeline {
  const startedAtMs = clockMs();
  const stamp = (): string => `${((clockMs() - startedAtMs) / 1000).toFixed(1).padStart(6)} s`;
  return {
    note: (text) => write(`${stamp()}  ${text}\n`),
    instruction: (document) => {
      const rule = document.rule === null ? document.actor : document.rule;
      const error = document.error === undefined ? "" : ` (${document.error.code})`;
      write(
        `${stamp()}  ${document.agent.padEnd(8)} ${rule} -> ${document.action} ${document.status}${error} in ${readableUs(document.totalUs)}\n`,
      );
      const stages = stageNames.map((stage) => `${stage} ${readableUs(document.stagesUs[stage])}`);
      write(`${" ".repeat(19)}${stages.join(" | ")}\n`);
    },
    summary: (summary) => {
      const counts = Object.entries(summary.counts).map(([status, count]) => `${count} ${status}`);
      const caught = Object.entries(summary.caught).map(
        ([worker, rules]) => `${worker}: ${rules.length === 0 ? "not caught" : rules.join(", ")}`,
      );
      write(
        [
          "",
          `instructions   ${counts.join(", ") || "none"}`,
          `caught         ${caught.join("; ")}`,
          `node time      p50 ${readableUs(summary.latencyUs["nodeP50"])}, p99 ${readableUs(summary.latencyUs["nodeP99"])} (frame read to instruction written)`,
          `in all         p50 ${readableUs(summary.latencyUs["p50"])}, p99 ${readableUs(summary.latencyUs["p99"])} (sample to executed)`,
          "",
        ].join("\n"),
      );
    },
  };
}
