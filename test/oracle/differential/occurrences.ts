/** What has occurred in pairs: a differential in which something never happens says nothing of it. */
import type { RuleSource } from "@myelin/core/rules";
import type { Happening, Input } from "../history.ts";

/** What must occur, again and again, in any thousand pairs. */
export const occurrenceNames: readonly string[] = [
  ...["several agents", "several parts", "gaps", "ties", "NaN", "infinities"],
  ...["late samples", "future samples", "clock steps", "agents that leave", "twins", "events"],
  ...["updates of meaning", "updates of the rest", "rules switched off", "restarts"],
  ...["firings", "ends", "firings in shadow", "firings suppressed", "further attempts"],
  ...["breakers that open", "breakers that close", "instructions that end"],
];

/** In how many pairs each occurred. */
export type Occurrences = ReadonlyMap<string, number>;

/** Adds what occurred elsewhere. */
export function addOccurrences(to: Map<string, number>, more: Iterable<[string, number]>): void {
  for (const [name, count] of more) to.set(name, (to.get(name) ?? 0) + count);
}

const gapUs = 3_000_000;
const meaningFields = ["where", "expr", "for", "resolve", "missing", "keep_firing_for"] as const;

/** Looks at the inputs and happenings of one pair. */
export class PairObserver {
  readonly #seen = new Set<string>();
  readonly #parts = new Map<string, Set<string>>();
  /** Newest sample of each part, of former time lines too. */
  readonly #newestUs = new Map<string, number>();
  readonly #stepped = new Set<string>();
  #rules: readonly RuleSource[] = [];
  #clockUs = Number.POSITIVE_INFINITY;

  input(input: Input): void {
    if (input.nowUs - this.#clockUs >= gapUs) this.#seen.add("gaps");
    this.#clockUs = input.nowUs;
    if (input.kind === "frame") this.#frame(input);
    if (input.kind === "rules") this.#update(input.rules);
    if (input.kind === "line") this.#stepped.add(`${input.agent} ${input.part}`);
    if (input.kind === "leave") this.#seen.add("agents that leave");
    if (input.kind === "twin") this.#seen.add("twins");
    if (input.kind === "event") this.#seen.add("events");
    if (input.kind === "ended") this.#seen.add("instructions that end");
    if (input.kind === "restart") this.#seen.add("restarts");
  }

  happenings(all: readonly Happening[]): void {
    for (const happening of all) {
      if (happening.kind === "breaker")
        this.#seen.add(happening.isOpen ? "breakers that open" : "breakers that close");
      else this.#seen.add(happening.kind === "fires" ? "firings" : "ends");
      if (happening.kind !== "fires") continue;
      if (happening.isShadow) this.#seen.add("firings in shadow");
      if (happening.isSuppressed) this.#seen.add("firings suppressed");
      if (happening.attempt > 1) this.#seen.add("further attempts");
    }
  }

  counters(late: number, future: number): void {
    if (late > 0) this.#seen.add("late samples");
    if (future > 0) this.#seen.add("future samples");
  }

  /** What occurred, each once. */
  get seen(): Iterable<[string, number]> {
    return [...this.#seen].map((name): [string, number] => [name, 1]);
  }

  #frame({ agent, part, samples }: Extract<Input, { kind: "frame" }>): void {
    const parts = this.#parts.get(agent) ?? new Set();
    this.#parts.set(agent, parts.add(part));
    if (this.#parts.size > 1) this.#seen.add("several agents");
    if (parts.size > 1) this.#seen.add("several parts");
    const line = `${agent} ${part}`;
    const newestUs = this.#newestUs.get(line) ?? Number.NEGATIVE_INFINITY;
    const places = new Set(samples.map(({ metric, atUs }) => `${metric} ${atUs}`));
    if (places.size < samples.length) this.#seen.add("ties");
    for (const { value, atUs } of samples) {
      if (Number.isNaN(value)) this.#seen.add("NaN");
      else if (!Number.isFinite(value)) this.#seen.add("infinities");
      if (atUs < newestUs && this.#stepped.has(line)) this.#seen.add("clock steps");
      this.#newestUs.set(line, Math.max(atUs, this.#newestUs.get(line) ?? newestUs));
    }
  }

  #update(rules: readonly RuleSource[]): void {
    for (const rule of rules) {
      const before = this.#rules.find(({ name }) => name === rule.name);
      if (before === undefined || JSON.stringify(before) === JSON.stringify(rule)) continue;
      const isSame = meaningFields.every((field) => before[field] === rule[field]);
      this.#seen.add(isSame ? "updates of the rest" : "updates of meaning");
      if (rule.mode === "off" && before.mode !== "off") this.#seen.add("rules switched off");
    }
    this.#rules = rules;
  }
}
