import { isMap, isScalar } from "yaml";
import { parseActionName, parseAgentId, parseMetricName, parseRuleName } from "../ids/index.ts";
import type { AgentAttributes } from "../rules/index.ts";
import { testLimits } from "./limits.ts";
import type { Fields, NodeReader } from "./reader.ts";
import {
  type Expectation,
  type ExpectedInstruction,
  type ExpectedState,
  instructionModes,
  outcomeStatuses,
  type RuleStateName,
  ruleStates,
  type RuleTest,
  type TestAgent,
  type TestChange,
  type TestEvent,
  type TestOutcome,
  type TestSeries,
} from "./rule-tests.ts";
import { parseSeries } from "./series.ts";
import { StepReader } from "./step-reader.ts";

const tiers = ["device", "edge", "cloud"] as const;
const mostRepetitions = 100_000;
const mostAttempts = 10;

/** Reads one test. */
export class RuleTestReader {
  readonly #reader: NodeReader;
  #intervalUs: number;
  #agents: readonly string[] = [];
  #samples = 0;

  constructor(reader: NodeReader, intervalUs: number) {
    this.#reader = reader;
    this.#intervalUs = intervalUs;
  }

  read(node: unknown): RuleTest | undefined {
    const reader = this.#reader;
    const fields = reader.fields(node, "test");
    if (fields === undefined) return undefined;
    this.#intervalUs = this.#interval(fields.interval);
    const name = reader.text(fields.name, "name");
    if (fields.name === undefined) reader.refuse(node, "the test has no name", "write name:");
    const items = reader.items(fields.agents, "agents");
    if (items.length === 0)
      reader.refuse(fields.agents ?? node, "the test has no agents", "write agents: - id: …");
    const agents = items.flatMap((item) => this.#agent(item) ?? []);
    this.#agents = agents.map(({ attributes }) => attributes.id);
    this.#refuseSameAgents(agents);
    if (this.#samples > testLimits.samplesPerTest) {
      const message = `the test has more than ${testLimits.samplesPerTest} samples`;
      reader.refuse(fields.agents, message, "make several of it");
    }
    const all = <Item>(
      field: unknown,
      what: string,
      read: (item: unknown) => Item | undefined,
    ): Item[] => reader.items(field, what).flatMap((item) => read(item) ?? []);
    const events = all(fields.events, "events", (item) => this.#event(item));
    const steps = new StepReader(reader, (item, at) => this.#at(item, at));
    const changes = all(fields.changes, "changes", (item) => {
      const given = reader.fields(item, "change");
      if (given === undefined || steps.read(item, given)) return undefined;
      return this.#change(item, given);
    });
    const outcomes = all(fields.outcomes, "outcomes", (item) => this.#outcome(item));
    const expectations = all(fields.expect, "expect", (item) => this.#expectation(item));
    if (reader.items(fields.expect, "expect").length === 0)
      reader.refuse(node, "the test expects nothing", "write expect: - at: …");
    if (name === undefined) return undefined;
    const { ruleChanges, restarts } = steps.taken();
    const happens = { agents, events, changes, ruleChanges, restarts, outcomes };
    return { name, ...reader.place(node), ...happens, expectations };
  }

  #interval(node: unknown): number {
    return this.#reader.interval(node) ?? this.#intervalUs;
  }

  #refuseSameAgents(agents: readonly TestAgent[]): void {
    for (const [index, { attributes, line, column, length }] of agents.entries()) {
      if (this.#agents.indexOf(attributes.id) === index) continue;
      const message = `there is an agent ${attributes.id} already`;
      this.#reader.problems.push({ severity: "error", line, column, length, message });
    }
  }

  #agent(node: unknown): TestAgent | undefined {
    const reader = this.#reader;
    const fields = reader.fields(node, "agent");
    if (fields === undefined) return undefined;
    const id = reader.named(fields.id, "id", parseAgentId);
    if (fields.id === undefined) reader.refuse(node, "the agent has no id", "write id:");
    const changes = this.#attributes(fields);
    const instants = (field: unknown, what: string): number[] =>
      reader.itemOrItems(field, what).flatMap((item) => reader.duration(item, what) ?? []);
    const joinsUs = fields.joins === undefined ? [0] : instants(fields.joins, "joins");
    const leavesUs = fields.leaves === undefined ? [] : instants(fields.leaves, "leaves");
    this.#checkPresence(node, joinsUs, leavesUs);
    const series = reader
      .entries(fields.series, "series")
      .flatMap(([metric, value]) => this.#series(metric, value) ?? []);
    if (id === undefined) return undefined;
    const type = "agent";
    const attributes: AgentAttributes = {
      ...{ id, type, tier: "device", labels: {}, capabilities: [] },
      ...changes,
    };
    const twin = reader.json(fields.twin, "twin") ?? {};
    return { attributes, twin, joinsUs, leavesUs, series, ...reader.place(node) };
  }

  #checkPresence(node: unknown, joinsUs: readonly number[], leavesUs: readonly number[]): void {
    const inTurn = joinsUs.flatMap((joinUs, index) => [
      joinUs,
      ...leavesUs.slice(index, index + 1),
    ]);
    const isInTurn = inTurn.every((atUs, index) => index === 0 || atUs > (inTurn[index - 1] ?? 0));
    const isPaired = leavesUs.length === joinsUs.length || leavesUs.length === joinsUs.length - 1;
    if (isInTurn && isPaired) return;
    this.#reader.refuse(
      node,
      "joins and leaves are not in turn",
      "as in joins: [0s, 30s], leaves: 20s",
    );
  }

  #attributes(fields: Fields<"agent"> | Fields<"change">): Partial<Omit<AgentAttributes, "id">> {
    const reader = this.#reader;
    const type = reader.text(fields.type, "type");
    const tier = reader.word(fields.tier, "tier", tiers);
    const labels = reader.entries(fields.labels, "labels").flatMap(([name, value]) => {
      const text = reader.named(value, `the label ${name}`, String);
      return text === undefined ? [] : [[name, text] as const];
    });
    const capabilities = reader
      .items(fields.capabilities, "capabilities")
      .flatMap((item) => reader.text(item, "a capability") ?? []);
    return {
      ...(type === undefined ? {} : { type }),
      ...(tier === undefined ? {} : { tier }),
      ...(fields.labels === undefined ? {} : { labels: Object.fromEntries(labels) }),
      ...(fields.capabilities === undefined ? {} : { capabilities }),
    };
  }

  #series(name: string, node: unknown): TestSeries | undefined {
    const reader = this.#reader;
    const metric = this.#metric(name, node);
    const fields: Fields<"series"> | undefined = isMap(node)
      ? reader.fields(node, "series")
      : { values: node };
    if (fields === undefined) return undefined;
    const intervalUs = this.#interval(fields.interval);
    const startUs = reader.duration(fields.start, "start") ?? 0;
    const delayUs = reader.duration(fields.delay, "delay") ?? 0;
    if (fields.values === undefined)
      return reader.refuse(node, `the series of ${name} has no values`, "write values:");
    const text = reader.seriesText(fields.values);
    if (text === undefined || metric === undefined) return undefined;
    const result = parseSeries(text);
    if ("fault" in result) {
      const { message, hint } = result.fault;
      return reader.refuseIn(fields.values, result.fault.offset, message, hint);
    }
    this.#samples += result.values.length;
    return { metric, startUs, intervalUs, delayUs, values: result.values };
  }

  #metric(name: string, node: unknown): string | undefined {
    try {
      return parseMetricName(name);
    } catch {
      return this.#reader.refuse(node, `${JSON.stringify(name)} is no name of a metric`);
    }
  }

  /** The agent that is named, or the only one there is. */
  #agentOf(node: unknown, field: unknown): string | undefined {
    const reader = this.#reader;
    if (field !== undefined) return reader.named(field, "agent", parseAgentId);
    if (this.#agents.length === 1) return this.#agents[0];
    return reader.refuse(node, "it does not say which agent", "write agent:");
  }

  #at(node: unknown, field: unknown): number | undefined {
    if (field !== undefined) return this.#reader.duration(field, "at");
    return this.#reader.refuse(node, "it does not say when", "write at:");
  }

  #event(node: unknown): TestEvent | undefined {
    const reader = this.#reader;
    const fields = reader.fields(node, "event");
    if (fields === undefined) return undefined;
    const atUs = this.#at(node, fields.at);
    const agent = this.#agentOf(node, fields.agent);
    const type = reader.text(fields.type, "type");
    if (fields.type === undefined) reader.refuse(node, "the event has no type", "write type:");
    const attrs = reader.json(fields.attrs, "attrs") ?? {};
    const times = reader.whole(fields.times, "times", 1, mostRepetitions) ?? 1;
    const everyUs = this.#interval(fields.every);
    if (atUs === undefined || agent === undefined || type === undefined) return undefined;
    return { agent, atUs, type, attrs, times, everyUs, ...reader.place(node) };
  }

  #change(node: unknown, fields: Fields<"change">): TestChange | undefined {
    const reader = this.#reader;
    const atUs = this.#at(node, fields.at);
    const agent = this.#agentOf(node, fields.agent);
    const twin = reader.json(fields.twin, "twin");
    const attributes = this.#attributes(fields);
    if (atUs === undefined || agent === undefined) return undefined;
    if (twin === undefined && Object.keys(attributes).length === 0)
      return reader.refuse(node, "nothing changes", "write twin:, labels:, rules:, restart: …");
    return { agent, atUs, twin, attributes, ...reader.place(node) };
  }

  #outcome(node: unknown): TestOutcome | undefined {
    const reader = this.#reader;
    const fields = reader.fields(node, "outcome");
    if (fields === undefined) return undefined;
    const status = reader.word(fields.status, "status", outcomeStatuses);
    if (fields.status === undefined)
      reader.refuse(node, "it does not say how instructions end", "write status:");
    return {
      ...this.#whichInstruction(fields),
      status: status ?? "executed",
      afterUs: reader.duration(fields.after, "after") ?? 0,
      ...reader.place(node),
    };
  }

  #whichInstruction(fields: Fields<"outcome"> | Fields<"instruction">): {
    rule: string | undefined;
    agent: string | undefined;
    action: string | undefined;
    attempt: number | undefined;
  } {
    const reader = this.#reader;
    return {
      rule: reader.named(fields.rule, "rule", parseRuleName),
      agent: reader.named(fields.agent, "agent", parseAgentId),
      action: reader.named(fields.action, "action", parseActionName),
      attempt: reader.whole(fields.attempt, "attempt", 1, mostAttempts),
    };
  }

  #expectation(node: unknown): Expectation | undefined {
    const reader = this.#reader;
    const fields = reader.fields(node, "expectation");
    if (fields === undefined) return undefined;
    const atUs = this.#at(node, fields.at);
    const rule = reader.named(fields.rule, "rule", parseRuleName);
    const agent = reader.named(fields.agent, "agent", parseAgentId);
    const states = this.#states(fields.states, rule, agent);
    const instructions =
      fields.instructions === undefined
        ? undefined
        : reader
            .items(fields.instructions, "instructions")
            .flatMap((item) => this.#instruction(item) ?? []);
    if (fields.states === undefined && instructions === undefined)
      reader.refuse(node, "it expects nothing", "write states: or instructions:");
    if (atUs === undefined) return undefined;
    return { atUs, rule, agent, states, instructions, ...reader.place(node) };
  }

  #states(
    node: unknown,
    rule: string | undefined,
    agent: string | undefined,
  ): readonly ExpectedState[] {
    const reader = this.#reader;
    if (node === undefined) return [];
    if (rule === undefined) {
      reader.refuse(node, "states are of a rule", "write rule: beside states:");
      return [];
    }
    const expected = (value: unknown, agents: readonly string[]): ExpectedState[] => {
      const state: RuleStateName | undefined = reader.word(value, "state of a rule", ruleStates);
      if (state === undefined) return [];
      return agents.map((each) => ({ rule, agent: each, state, ...reader.place(value) }));
    };
    if (isScalar(node)) return expected(node, agent === undefined ? this.#agents : [agent]);
    return reader.entries(node, "states").flatMap(([name, value]) => expected(value, [name]));
  }

  #instruction(node: unknown): ExpectedInstruction | undefined {
    const reader = this.#reader;
    const fields = reader.fields(node, "instruction");
    if (fields === undefined) return undefined;
    return {
      ...this.#whichInstruction(fields),
      args: reader.json(fields.args, "args"),
      atUs: reader.duration(fields.at, "at"),
      mode: reader.word(fields.mode, "mode", instructionModes) ?? "sent",
      ...reader.place(node),
    };
  }
}
