/** Today's engine, told what the oracle is told, and saying what it says. */
import assert from "node:assert/strict";
import { parseRuleName } from "@myelin/core/ids";
import { planRule, type RulePlan, type RuleSource } from "@myelin/core/rules";
import { Engine, WordWriter } from "../../../packages/node/src/engine/index.ts";
import { HeldBack } from "../../../packages/node/src/ingest/index.ts";
import type { Happening, Input, OracleSettings } from "../history.ts";

/** Numbers of the parts in the engine. */
const parts: Readonly<Record<string, number>> = { app: 1, supervisor: 2 };

export class EngineUnderTest {
  readonly happenings: Happening[] = [];
  readonly #engine: Engine;
  readonly #slots: Map<string, number> = new Map();
  readonly #versions: Map<string, { meaning: string; version: number; meaningVersion: number }> =
    new Map();
  readonly #heldBack: HeldBack | undefined;
  readonly #writer = new WordWriter();
  /** A rule that an update leaves as it is has the same plan, as in the node. */
  readonly #plans = new WeakMap<RuleSource, RulePlan>();
  #lines = 0;

  /** @param Made An engine that decides otherwise, where that is to be noticed. */
  constructor(settings: OracleSettings, Made: typeof Engine = Engine) {
    const { futureToleranceUs, windowSamples, staleAfterUs, latenessUs } = settings;
    const agentOf = (slot: number): string =>
      [...this.#slots].find(([, other]) => other === slot)?.[0] ?? `slot ${slot}`;
    this.#engine = new Made({
      maxAgents: 8,
      maxMetrics: 64,
      futureToleranceUs,
      windowSamples,
      staleAfterUs,
      hooks: {
        onFiring: ({ plan, slot, sampleTimeUs, episode, isShadow, isSuppressed }) => {
          const { startedAtUs, attempt } = episode;
          const agent = agentOf(slot);
          const rest = {
            atUs: sampleTimeUs,
            sinceUs: startedAtUs,
            attempt,
            isShadow,
            isSuppressed,
          };
          this.happenings.push({ kind: "fires", rule: plan.name, agent, ...rest });
        },
        onEpisodeEnd: (rule, slot, atUs, sinceUs) =>
          this.happenings.push({ kind: "ends", rule, agent: agentOf(slot), atUs, sinceUs }),
        onBreaker: (rule, isOpen) => this.happenings.push({ kind: "breaker", rule, isOpen }),
      },
    });
    const counters = { hurriedSamples: 0 };
    const holding = { engine: this.#engine, latenessUs, maxSamples: 1_000, counters };
    this.#heldBack = latenessUs > 0 ? new HeldBack(holding) : undefined;
  }

  get late(): number {
    return this.#engine.counters.late;
  }

  get future(): number {
    return this.#engine.counters.future;
  }

  tell(input: Input): void {
    const engine = this.#engine;
    switch (input.kind) {
      case "rules":
        return engine.setRules(
          input.rules.map((rule) => this.#versionOf(rule)),
          input.nowUs,
        );
      case "join": {
        const slot = engine.join(input.attributes, input.nowUs);
        this.#slots.set(input.attributes.id, slot);
        for (const part of Object.values(parts)) this.#startLine(slot, part);
        return;
      }
      case "leave":
        engine.leave(this.#slot(input.agent), input.nowUs);
        return void this.#slots.delete(input.agent);
      case "session":
        return;
      case "attributes":
        return engine.setAttributes(this.#slot(input.attributes.id), input.attributes, input.nowUs);
      case "twin":
        return engine.setTwin(
          this.#slot(input.agent),
          input.twin,
          undefined,
          1,
          input.atUs,
          input.nowUs,
        );
      case "line":
        return this.#startLine(this.#slot(input.agent), parts[input.part] ?? 1);
      case "frame":
        return this.#applyFrame(input);
      case "event":
        return engine.event(
          this.#slot(input.agent),
          parts[input.part] ?? 1,
          { type: input.type, attrs: input.attrs },
          input.atUs,
          input.nowUs,
        );
      case "clock":
        this.#heldBack?.release(input.nowUs);
        return engine.advance(input.nowUs);
      case "ended":
        return engine.instructionEnded(parseRuleName(input.rule), this.#slot(input.agent), {
          succeeded: input.succeeded,
          endedAtUs: input.nowUs,
          attempt: input.attempt,
          startedAtUs: input.sinceUs,
        });
      case "enforcing":
        return engine.setEnforcing(input.isEnforcing);
      case "close-breaker":
        engine.closeBreaker(parseRuleName(input.rule));
        return;
      case "restart":
        engine.restarted(input.nowUs);
        for (const slot of this.#slots.values()) this.#takeUpAgain(slot);
    }
  }

  /** Has the engine forget what rules read of an agent's past, and take it up again as it is kept on disk. */
  #takeUpAgain(slot: number): void {
    const { histories } = this.#engine;
    histories.changedLayout();
    histories.write(slot, this.#writer, () => ({ samplesUs: 0, eventsUs: 0 }), []);
    const words = this.#writer.take();
    const records = [{ layout: histories.layout, words, at: 0, end: words.length }];
    const isTaken = this.#engine.takeUpHistory(slot, records, {
      latestUs: Number.POSITIVE_INFINITY,
      isSameClock: (line, other) => line === other,
      onMark: () => assert.fail("nobody told how far its clock was applied"),
    });
    assert.ok(isTaken);
  }

  /** The states of the rules in force for an agent, by name. */
  states(agent: string): readonly (readonly [rule: string, state: string])[] {
    return this.#engine
      .agentStates(this.#slot(agent))
      .map(({ rule, state }) => [rule, state] as const);
  }

  #slot(agent: string): number {
    const slot = this.#slots.get(agent);
    assert.ok(slot !== undefined);
    return slot;
  }

  #startLine(slot: number, part: number): void {
    this.#lines += 1;
    this.#engine.startTimeLine(slot, part, `line-${this.#lines}`);
  }

  #applyFrame({ agent, part, samples, nowUs }: Extract<Input, { kind: "frame" }>): void {
    const ordered = samples.toSorted((a, b) => a.atUs - b.atUs);
    const taker = this.#heldBack ?? this.#engine;
    taker.apply(
      this.#slot(agent),
      parts[part] ?? 1,
      ordered.length,
      Int32Array.from(ordered, ({ metric }) => this.#engine.metric(metric)),
      Float64Array.from(ordered, ({ value }) => value),
      Float64Array.from(ordered, ({ atUs }) => atUs),
      nowUs,
    );
  }

  #versionOf(source: RuleSource): { plan: RulePlan; version: number; meaningVersion: number } {
    const plan = this.#planOf(source);
    const present = this.#versions.get(plan.name);
    const version = (present?.version ?? 0) + 1;
    const meaningVersion = present?.meaning === plan.meaning ? present.meaningVersion : version;
    this.#versions.set(plan.name, { meaning: plan.meaning, version, meaningVersion });
    return { plan, version, meaningVersion };
  }

  #planOf(source: RuleSource): RulePlan {
    const known = this.#plans.get(source);
    if (known !== undefined) return known;
    const { plan, problems } = planRule(source);
    assert.ok(plan !== undefined, `${source.expr}: ${JSON.stringify(problems)}`);
    this.#plans.set(source, plan);
    return plan;
  }
}
