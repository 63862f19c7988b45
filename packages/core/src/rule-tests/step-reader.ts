import { isMap, isScalar } from "yaml";
import { parseRuleName } from "../ids/index.ts";
import type { Fields, NodeReader } from "./reader.ts";
import type { TestRestart, TestRuleChange, TestRuleChanges } from "./rule-tests.ts";

type ChangeFields = Fields<"change">;

/** Reads those changes that are the node's and not an agent's: of its rules, and its restarts. */
export class StepReader {
  readonly #reader: NodeReader;
  readonly #at: (node: unknown, field: unknown) => number | undefined;
  readonly #ruleChanges: TestRuleChanges[] = [];
  readonly #restarts: TestRestart[] = [];

  /** @param at Reads when something happens. */
  constructor(reader: NodeReader, at: (node: unknown, field: unknown) => number | undefined) {
    this.#reader = reader;
    this.#at = at;
  }

  /** Takes a change if it is the node's; false when it is an agent's. */
  read(node: unknown, fields: ChangeFields): boolean {
    const { rules, restart, down } = fields;
    if (rules === undefined && restart === undefined && down === undefined) return false;
    const atUs = this.#at(node, fields.at);
    const others = Object.keys(fields).filter(
      (key) => !["at", ...(rules === undefined ? ["restart", "down"] : ["rules"])].includes(key),
    );
    if (others.length > 0) {
      const what = rules === undefined ? "restart" : "rules";
      const message = `${what} stands beside ${others.join(", ")}`;
      this.#reader.refuse(node, message, "write a change for each, at the same instant if need be");
    } else if (rules !== undefined) this.#readRules(node, atUs, rules);
    else this.#readRestart(node, atUs, fields);
    return true;
  }

  /** What was read, by time. */
  taken(): {
    readonly ruleChanges: readonly TestRuleChanges[];
    readonly restarts: readonly TestRestart[];
  } {
    const restarts = this.#restarts.toSorted((a, b) => a.atUs - b.atUs);
    for (const [index, { atUs, line, column, length }] of restarts.entries()) {
      const before = restarts[index - 1];
      if (before === undefined || before.atUs + Math.max(before.downUs, 1) <= atUs) continue;
      const message = "the node is down already by then";
      this.#reader.problems.push({ severity: "error", line, column, length, message });
    }
    return { ruleChanges: this.#ruleChanges.toSorted((a, b) => a.atUs - b.atUs), restarts };
  }

  #readRestart(node: unknown, atUs: number | undefined, { restart, down }: ChangeFields): void {
    const reader = this.#reader;
    if (restart === undefined)
      return reader.refuse(node, "down without restart", "write restart: true");
    if (!isScalar(restart) || restart.value !== true)
      return reader.refuse(restart, "restart is to be true");
    const downUs = reader.duration(down, "down") ?? 0;
    if (atUs !== undefined) this.#restarts.push({ atUs, downUs, ...reader.place(node) });
  }

  #readRules(node: unknown, atUs: number | undefined, given: unknown): void {
    const reader = this.#reader;
    if (!isMap(given)) {
      const mend = "as in rules: { spin: { for: 5s }, other: null }";
      return reader.refuse(given, "rules is to be a map of what changes of each", mend);
    }
    const rules = given.items.flatMap(({ key, value }): TestRuleChange[] => {
      const rule = reader.named(key, "rule", parseRuleName);
      if (rule === undefined) return [];
      const place = reader.place(key);
      if (value === null || (isScalar(value) && value.value === null))
        return [{ rule, fields: undefined, places: new Map(), ...place }];
      const fields = reader.json(value, "what changes of a rule");
      const entries = reader.entries(isMap(value) ? value : undefined, "what changes of a rule");
      const places = new Map(entries.map(([name, field]) => [name, reader.place(field)]));
      return fields === undefined ? [] : [{ rule, fields, places, ...place }];
    });
    if (atUs !== undefined) this.#ruleChanges.push({ atUs, rules, ...reader.place(node) });
  }
}
