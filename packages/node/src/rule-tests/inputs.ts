import type { JsonObject } from "@myelin/core/json";
import type {
  RuleTest,
  TestAgent,
  TestChange,
  TestRestart,
  TestRuleChanges,
} from "@myelin/core/rule-tests";

/** Something that happens, microseconds from the test's beginning. */
export type Input =
  | {
      /** The node stops, and is back at once for what comes next. */
      readonly kind: "restart";
      readonly atUs: number;
      readonly backUs: number;
    }
  | { readonly kind: "rules"; readonly atUs: number; readonly change: TestRuleChanges }
  | { readonly kind: "leave"; readonly atUs: number; readonly agent: string }
  | { readonly kind: "join"; readonly atUs: number; readonly agent: TestAgent }
  | { readonly kind: "change"; readonly atUs: number; readonly change: TestChange }
  | {
      readonly kind: "samples";
      readonly atUs: number;
      readonly agent: string;
      readonly samples: readonly InputSample[];
    }
  | {
      readonly kind: "event";
      readonly atUs: number;
      /** Its own time; it may come later. */
      readonly timeUs: number;
      readonly agent: string;
      readonly type: string;
      readonly attrs: JsonObject;
    };

/** A sample that comes to the node. */
export interface InputSample {
  readonly metric: string;
  readonly value: number;
  /** Its own time; it may come later. */
  readonly timeUs: number;
}

/** At one instant what is first in this list comes first; samples of an agent come together, as in one frame. */
const order: readonly Input["kind"][] = [
  ...(["restart", "leave", "join", "rules", "change", "samples", "event"] as const),
];

/** All that happens up to `untilUs`, in order. */
export function inputsOf(test: RuleTest, untilUs: number): readonly Input[] {
  const inputs: Input[] = [];
  for (const agent of test.agents) {
    const { id } = agent.attributes;
    for (const atUs of agent.joinsUs) inputs.push({ kind: "join", atUs, agent });
    for (const atUs of agent.leavesUs) inputs.push({ kind: "leave", atUs, agent: id });
    for (const [atUs, samples] of samplesOf(agent, untilUs))
      inputs.push({ kind: "samples", atUs, agent: id, samples });
  }
  for (const change of test.changes) inputs.push({ kind: "change", atUs: change.atUs, change });
  for (const change of test.ruleChanges) inputs.push({ kind: "rules", atUs: change.atUs, change });
  for (const { agent, atUs: firstUs, type, attrs, times, everyUs } of test.events)
    for (let number = 0; number < times; number += 1) {
      const atUs = firstUs + number * everyUs;
      inputs.push({ kind: "event", atUs, timeUs: atUs, agent, type, attrs });
    }
  const restarts = test.restarts.map(
    ({ atUs, downUs }): Input => ({ kind: "restart", atUs, backUs: atUs + downUs }),
  );
  return [...restarts, ...inputs]
    .toSorted((a, b) => a.atUs - b.atUs || order.indexOf(a.kind) - order.indexOf(b.kind))
    .map((input) => postponed(input, test.restarts))
    .filter(({ atUs }) => atUs <= untilUs)
    .toSorted((a, b) => a.atUs - b.atUs);
}

/** What happens while the node is down comes to it when it is back. */
function postponed(input: Input, restarts: readonly TestRestart[]): Input {
  const restart = restarts.find(
    ({ atUs, downUs }) => input.atUs >= atUs && input.atUs < atUs + downUs,
  );
  if (restart === undefined || input.kind === "restart") return input;
  return { ...input, atUs: restart.atUs + restart.downUs };
}

/** An agent's samples by the instant at which they come, those that come together in order of time. */
function samplesOf({ series }: TestAgent, untilUs: number): Map<number, InputSample[]> {
  const samples = new Map<number, InputSample[]>();
  for (const { metric, startUs, intervalUs, delayUs, values } of series) {
    for (const [index, value] of values.entries()) {
      const timeUs = startUs + index * intervalUs;
      const atUs = timeUs + delayUs;
      if (atUs > untilUs) break;
      if (value === undefined) continue;
      const present = samples.get(atUs);
      if (present === undefined) samples.set(atUs, [{ metric, value, timeUs }]);
      else present.push({ metric, value, timeUs });
    }
  }
  for (const present of samples.values()) present.sort((a, b) => a.timeUs - b.timeUs);
  return samples;
}
