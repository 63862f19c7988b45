/**
 * Telemetry as CSV (RFC 4180): a heading, then a row a sample (`time,agent,metric,value`) or a row an instant
 * (`time,agent,<metric>,<metric>…`). The columns `type`, `tier` and `label.x` say what the agent is.
 */
import type { AgentAttributes } from "../rules/index.ts";
import { defaultAttributes, isTier, tierFault } from "./attributes.ts";
import { Fault } from "./data-problem.ts";
import { instantOf, Names, shown, valueOf } from "./plain-values.ts";
import type { LineFormat, Telling } from "./telemetry-reader.ts";
import { maxLineLength } from "./text-lines.ts";

/** Where the columns are, by number; -1 for none. */
interface Heading {
  readonly width: number;
  readonly time: number;
  readonly agent: number;
  /** The long form's; -1 in the wide one. */
  readonly metric: number;
  readonly value: number;
  /** The wide form's metrics. */
  readonly metrics: readonly { readonly column: number; readonly name: string }[];
  readonly type: number;
  readonly tier: number;
  readonly labels: readonly { readonly column: number; readonly label: string }[];
  readonly saysWhatAgentsAre: boolean;
}

const labelPrefix = "label.";
const own: ReadonlySet<string> = new Set(["time", "agent", "metric", "value", "type", "tier"]);

export class Csv implements LineFormat {
  readonly #telling: Telling;
  readonly #agents = Names.agents();
  readonly #metrics = Names.metrics();
  #heading: Heading | "unreadable" | undefined;
  /** A record whose quotes are open at the end of a line. */
  #open = "";
  #openedAt = 0;
  #lastInstant = "";
  #lastUs = 0;
  /** What the columns said of each agent last. */
  readonly #said: Map<string, string> = new Map();

  constructor(telling: Telling) {
    this.#telling = telling;
  }

  line(text: string, number: number): void {
    if (this.#openedAt === 0 && !text.includes('"')) {
      if (text !== "") this.#record(text.split(","), number);
      return;
    }
    const record = this.#openedAt === 0 ? text : `${this.#open}\n${text}`;
    const from = this.#openedAt === 0 ? number : this.#openedAt;
    const cells = cellsOf(record);
    if (cells === undefined && record.length <= maxLineLength) {
      [this.#open, this.#openedAt] = [record, from];
      return;
    }
    [this.#open, this.#openedAt] = ["", 0];
    if (cells === undefined) this.#refuse(from, 1, unclosed);
    else if (cells instanceof Fault) this.#refuse(from, 1, cells);
    else this.#record(cells, from);
  }

  end(): void {
    if (this.#openedAt > 0) this.#refuse(this.#openedAt, 1, unclosed);
    else if (this.#heading === undefined && this.#telling.problems.count === 0)
      this.#refuse(1, 1, new Fault("there is no heading", "begin with time,agent,metric,value"));
  }

  #record(cells: readonly string[], line: number): void {
    const heading = this.#heading;
    if (heading === undefined) {
      this.#heading = this.#headingOf(cells) ?? "unreadable";
      return;
    }
    if (heading === "unreadable") return;
    if (cells.length !== heading.width) {
      const message = `the row has ${cells.length} cells, the heading ${heading.width}`;
      this.#refuse(line, 1, new Fault(message, "give each row as many; quote cells with commas"));
      return;
    }
    const timeUs = this.#instant(cells[heading.time] ?? "");
    const agent = this.#agents.of(cells[heading.agent] ?? "");
    if (timeUs instanceof Fault) this.#refuse(line, columnOf(cells, heading.time), timeUs);
    if (agent instanceof Fault) this.#refuse(line, columnOf(cells, heading.agent), agent);
    if (timeUs instanceof Fault || agent instanceof Fault) return;
    this.#telling.frames.at(timeUs, line);
    if (heading.saysWhatAgentsAre) this.#whatAgentIs(heading, agent, cells, line);
    if (heading.metric < 0) {
      for (const { column, name } of heading.metrics)
        this.#sample(agent, name, cells, column, timeUs, line);
      return;
    }
    const metric = this.#metrics.of(cells[heading.metric] ?? "");
    if (metric instanceof Fault) this.#refuse(line, columnOf(cells, heading.metric), metric);
    else this.#sample(agent, metric, cells, heading.value, timeUs, line);
  }

  /** Reads an instant; rows of one instant mostly stand together. */
  #instant(text: string): number | Fault {
    if (text === this.#lastInstant) return this.#lastUs;
    const timeUs = instantOf(text);
    if (typeof timeUs === "number") [this.#lastInstant, this.#lastUs] = [text, timeUs];
    return timeUs;
  }

  #sample(
    agent: string,
    metric: string,
    cells: readonly string[],
    column: number,
    timeUs: number,
    line: number,
  ): void {
    const text = cells[column] ?? "";
    if (text === "") return;
    const value = valueOf(text);
    if (value instanceof Fault) this.#refuse(line, columnOf(cells, column), value);
    else this.#telling.frames.sample(agent, metric, value, timeUs);
  }

  #whatAgentIs(heading: Heading, agent: string, cells: readonly string[], line: number): void {
    const said = [heading.type, heading.tier, ...heading.labels.map(({ column }) => column)]
      .map((column) => cells[column] ?? "")
      .join("\u0000");
    if (this.#said.get(agent) === said) return;
    const type = cells[heading.type] ?? "";
    const tier = cells[heading.tier] ?? "";
    if (tier !== "" && !isTier(tier)) {
      this.#refuse(line, columnOf(cells, heading.tier), tierFault(tier));
      return;
    }
    this.#said.set(agent, ` ${said}`.slice(1));
    const labels = heading.labels.flatMap(({ column, label }) => {
      const text = cells[column] ?? "";
      return text === "" ? [] : [[label, text] as const];
    });
    const attributes: AgentAttributes = {
      ...defaultAttributes(agent),
      ...(type === "" ? {} : { type }),
      ...(tier === "" ? {} : { tier }),
      labels: Object.fromEntries(labels),
    };
    this.#telling.frames.join(attributes);
  }

  /** Undefined, with its problems told, when the heading says no telemetry. */
  #headingOf(cells: readonly string[]): Heading | undefined {
    const faults = [...this.#faultsOf(cells)];
    for (const [column, fault] of faults) this.#refuse(1, columnOf(cells, column), fault);
    if (faults.length > 0) return undefined;
    const at = (name: string): number => cells.indexOf(name);
    const isLong = at("metric") >= 0;
    const labels = cells.flatMap((name, column) =>
      name.startsWith(labelPrefix) ? [{ column, label: name.slice(labelPrefix.length) }] : [],
    );
    const [type, tier] = [at("type"), at("tier")];
    return {
      ...{ width: cells.length, time: at("time"), agent: at("agent"), type, tier, labels },
      ...{ metric: at("metric"), value: isLong ? at("value") : -1 },
      metrics: cells.flatMap((name, column) => (isMetric(name) ? [{ column, name }] : [])),
      saysWhatAgentsAre: type >= 0 || tier >= 0 || labels.length > 0,
    };
  }

  *#faultsOf(cells: readonly string[]): Generator<readonly [number, Fault]> {
    const form = "the heading is time,agent,metric,value or time,agent,<metric>,<metric>…";
    for (const name of ["time", "agent"])
      if (!cells.includes(name)) yield [0, new Fault(`there is no column ${name}`, form)];
    const isLong = cells.includes("metric");
    if (isLong !== cells.includes("value")) {
      const [there, missing] = isLong ? ["metric", "value"] : ["value", "metric"];
      yield [cells.indexOf(there), new Fault(`a column ${there} without ${missing}`, form)];
    } else if (!isLong && !cells.some(isMetric))
      yield [0, new Fault("there is no column of a metric", form)];
    for (const [column, name] of cells.entries()) {
      if (cells.indexOf(name) < column)
        yield [column, new Fault(`the column ${shown(name)} is there twice`, "name each once")];
      else if (isLong && isMetric(name))
        yield [column, new Fault(`unknown column ${shown(name)}`, `${form}; type, tier, label.x`)];
      else if (isMetric(name)) {
        const metric = this.#metrics.of(name);
        if (metric instanceof Fault) yield [column, metric];
      }
    }
  }

  #refuse(line: number, column: number, { message, hint }: Fault): void {
    this.#telling.problems.add(line, column, message, hint);
  }
}

const unclosed = new Fault("a quote that begins here does not end", 'end it; " within is ""');

function isMetric(column: string): boolean {
  return !own.has(column) && !column.startsWith(labelPrefix);
}

/** The 1-based column of a cell, as far as no cell before it is quoted. */
function columnOf(cells: readonly string[], cell: number): number {
  return cells.slice(0, cell).reduce((sum, { length }) => sum + length + 1, 1);
}

/** The cells of a record with quotes; undefined while a quote is open. */
function cellsOf(record: string): readonly string[] | Fault | undefined {
  const cells: string[] = [];
  for (let from = 0; ; ) {
    let to: number;
    if (record[from] === '"') {
      let text = "";
      for (;;) {
        const quote = record.indexOf('"', from + 1);
        if (quote < 0) return undefined;
        text += record.slice(from + 1, quote);
        from = quote;
        if (record[from + 1] !== '"') break;
        text += '"';
        from += 1;
      }
      cells.push(text);
      to = from + 1;
      if (to < record.length && record[to] !== ",")
        return new Fault(`after a quoted cell stands ${shown(record[to] ?? "")}`, "write a comma");
    } else {
      const comma = record.indexOf(",", from);
      to = comma < 0 ? record.length : comma;
      const text = record.slice(from, to);
      if (text.includes('"'))
        return new Fault(`a quote within ${shown(text)}`, 'quote the whole cell; " within is ""');
      cells.push(text);
    }
    if (to >= record.length) return cells;
    from = to + 1;
  }
}
