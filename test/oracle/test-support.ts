import assert from "node:assert/strict";
import type { JsonObject } from "@myelin/core/json";
import { type AgentAttributes, parseRuleFile } from "@myelin/core/rules";
import type { OracleSettings } from "./history.ts";
import { Oracle } from "./oracle.ts";

/** The instant that tests call 0 s. */
const originUs = 1_760_000_000_000_000;

/** Seconds after the tests' origin, as microseconds since the epoch. */
function us(seconds: number): number {
  return originUs + Math.round(seconds * 1e6);
}

/** An oracle that is told of seconds, with the agent `a1` of one part unless a test has others. */
export class Told {
  readonly oracle: Oracle;
  #nowUs = us(0);

  /** @param rules The rules of a file, each as one line of YAML without its name and action, or as whole rules. */
  constructor(rules: string, settings: Partial<OracleSettings> = {}) {
    this.oracle = new Oracle(settings);
    this.rules(rules);
    this.join("a1");
  }

  /** The rule `r` with these fields, or several rules. */
  rules(text: string, atSeconds = 0): void {
    const isList = text.includes("- {");
    const file = isList ? text : `- { name: r, action: stop, ${text} }`;
    const { rules, problems } = parseRuleFile(`rules:\n${file.replaceAll(/^\s*/gm, "  ")}`);
    assert.deepEqual(
      problems.filter(({ severity }) => severity === "error"),
      [],
    );
    this.#at(atSeconds);
    this.oracle.tell({
      kind: "rules",
      rules: rules.map(({ source }) => source),
      nowUs: this.#nowUs,
    });
  }

  join(id: string, attributes: Partial<AgentAttributes> = {}, atSeconds = 0): void {
    this.#at(atSeconds);
    const given = { id, type: "worker", tier: "edge", labels: {}, capabilities: [], ...attributes };
    this.oracle.tell({ kind: "join", attributes: given, nowUs: this.#nowUs });
  }

  attributes(atSeconds: number, attributes: Partial<AgentAttributes>, id = "a1"): void {
    this.#at(atSeconds);
    const given = { id, type: "worker", tier: "edge", labels: {}, capabilities: [], ...attributes };
    this.oracle.tell({ kind: "attributes", attributes: given, nowUs: this.#nowUs });
  }

  leave(atSeconds: number, agent = "a1"): void {
    this.#at(atSeconds);
    this.oracle.tell({ kind: "leave", agent, nowUs: this.#nowUs });
  }

  /** A sample of `m`, or of another metric; it arrives at once. */
  send(
    atSeconds: number,
    value: number,
    {
      metric = "m",
      agent = "a1",
      part = "app",
    }: { metric?: string; agent?: string; part?: string } = {},
  ): void {
    this.frame([[atSeconds, metric, value]], { agent, part });
  }

  /** One frame; it arrives at its newest sample's time, or at `nowSeconds`. */
  frame(
    samples: readonly (readonly [atSeconds: number, metric: string, value: number])[],
    {
      agent = "a1",
      part = "app",
      nowSeconds,
    }: { agent?: string; part?: string; nowSeconds?: number } = {},
  ): void {
    this.#at(nowSeconds ?? Math.max(...samples.map(([atSeconds]) => atSeconds)));
    this.oracle.tell({
      kind: "frame",
      agent,
      part,
      samples: samples.map(([atSeconds, metric, value]) => ({
        metric,
        value,
        atUs: us(atSeconds),
      })),
      nowUs: this.#nowUs,
    });
  }

  event(atSeconds: number, type: string, attrs: JsonObject = {}): void {
    this.#at(atSeconds);
    const when = { atUs: us(atSeconds), nowUs: this.#nowUs };
    this.oracle.tell({ kind: "event", agent: "a1", part: "app", type, attrs, ...when });
  }

  twin(atSeconds: number, twin: JsonObject): void {
    this.#at(atSeconds);
    const when = { atUs: us(atSeconds), nowUs: this.#nowUs };
    this.oracle.tell({ kind: "twin", agent: "a1", twin, ...when });
  }

  line(atSeconds: number, part = "app"): void {
    this.#at(atSeconds);
    this.oracle.tell({ kind: "line", agent: "a1", part, nowUs: this.#nowUs });
  }

  /** The node's clock: what is due comes. */
  clock(atSeconds: number): void {
    this.#at(atSeconds);
    this.oracle.tell({ kind: "clock", nowUs: this.#nowUs });
  }

  restart(atSeconds: number): void {
    this.#at(atSeconds);
    this.oracle.tell({ kind: "restart", nowUs: this.#nowUs });
  }

  enforcing(atSeconds: number, isEnforcing: boolean): void {
    this.#at(atSeconds);
    this.oracle.tell({ kind: "enforcing", isEnforcing, nowUs: this.#nowUs });
  }

  closeBreaker(atSeconds: number): void {
    this.#at(atSeconds);
    this.oracle.tell({ kind: "close-breaker", rule: "r", nowUs: this.#nowUs });
  }

  /** The latest instruction ends. */
  end(atSeconds: number, succeeded = true): void {
    this.#at(atSeconds);
    const firing = this.oracle.happenings.findLast(({ kind }) => kind === "fires");
    assert.ok(firing?.kind === "fires");
    const { rule, agent, sinceUs, attempt } = firing;
    this.oracle.tell({
      kind: "ended",
      rule,
      agent,
      sinceUs,
      attempt,
      succeeded,
      nowUs: this.#nowUs,
    });
  }

  /** What happened so far, as `r fires 2`, with the agent where it is another than a1. */
  get log(): readonly string[] {
    return this.oracle.happenings.map((happening) => {
      if (happening.kind === "breaker")
        return `${happening.rule} breaker ${happening.isOpen ? "opens" : "closes"}`;
      const who = happening.agent === "a1" ? "" : ` ${happening.agent}`;
      const marks =
        happening.kind === "ends"
          ? ""
          : [
              happening.attempt > 1 ? ` attempt ${happening.attempt}` : "",
              happening.isShadow ? " shadow" : "",
              happening.isSuppressed ? " suppressed" : "",
            ].join("");
      const at = Number(((happening.atUs - originUs) / 1e6).toFixed(6));
      return `${happening.rule}${who} ${happening.kind} ${at}${marks}`;
    });
  }

  state(rule = "r", agent = "a1"): string | undefined {
    return this.oracle.states(agent).find(([name]) => name === rule)?.[1];
  }

  #at(seconds: number): void {
    this.#nowUs = Math.max(this.#nowUs, us(seconds));
  }
}
