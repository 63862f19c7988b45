import { toldWidthUs } from "../checks/windows.ts";
import type { Scenario } from "../scenario.ts";

/** The rules of the run; each change of `variant` changes one of them. Some runs have rules over windows. */
export function rulesOf(variant: number, { windows }: Pick<Scenario, "windows">): string {
  return `
rules:
  - name: spin
    expr: load > ${variant % 2 === 0 ? "0.9" : "0.85"}
    for: 300ms
    resolve: load < 0.5
    action: restart
    args: { reason: "load \${load}" }
    cooldown: ${1 + (variant % 3)}s
    attempts: 3
    deadline: 2s
    timeout: 1500ms
    priority: 8
    sla: 20ms
  - name: leak
    where: agent.type == "worker"
    expr: memory > 100
    action: flush
    args: { memory: "\${memory}" }
    deadline: 3s
    timeout: 2s
    cooldown: 500ms
    keep_firing_for: 200ms
  - name: silent
    expr: heartbeat_age > 1.5
    resolve: heartbeat_age < 0.5
    action: wake
    deadline: 5s
    timeout: 1s
    priority: 9
    limit: 3/5s
  - name: rehearsal
    expr: memory > 60 && load > 0.5
    action: restart
    args: { memory: "\${memory}" }
    mode: shadow
${windows === undefined ? "" : tellingRule(variant)}`;
}

/** Tells what is in windows at each event; some variants have other windows over the same samples, too. */
function tellingRule(variant: number): string {
  const width = `"${toldWidthUs / 1e6}s"`;
  const figures = ["app", "supervisor"].flatMap((part) => [
    `marks_${part}: '\${sum_over_time(mark_${part}, ${width})}'`,
    `count_${part}: '\${count_over_time(mark_${part}, ${width})}'`,
    `most_${part}: '\${max_over_time(mark_${part}, ${width})}'`,
    `mean_${part}: '\${avg_over_time(mark_${part}, ${width})}'`,
  ]);
  return `  - name: tally
    expr: event.type == "tool_call"
    action: note
    args: { ${figures.join(", ")}, events: '\${count_events("tool_call", ${width})}' }
    mode: shadow
${variant % 2 === 0 ? "" : crowdedRule}`;
}

const crowdedRule = `  - name: crowded
    expr: count_over_time(mark_app, "1s") > 5 && quantile_over_time(0.5, mark_app, "2s") > 4
    action: note
    mode: shadow
`;
