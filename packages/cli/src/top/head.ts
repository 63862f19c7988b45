import { isJsonObject, type JsonObject } from "@myelin/core/json";
import { cell, numberOf, readableUs, widthOf } from "../output/index.ts";
import { bytes, count, rate, share, upFor } from "./figures.ts";
import { objectAt, type TopState } from "./state.ts";
import { type Span, type Style, span, statusStyles } from "./style.ts";

/** Pieces of a line that stay whole: where a line has no room for the next one, that begins another. */
type Item = readonly Span[];

const itemGap = 2;

function flowed(items: readonly Item[], columns: number): Span[][] {
  const lines: Span[][] = [];
  let left = -1;
  for (const item of items) {
    const width = item.reduce((sum, { text }) => sum + widthOf(text), 0);
    const line = lines.at(-1);
    if (line !== undefined && width + itemGap <= left) {
      line.push(span(" ".repeat(itemGap)), ...item);
      left -= width + itemGap;
    } else {
      lines.push([...item]);
      left = columns - width;
    }
  }
  return lines;
}

/** The lines above the tables: the node, its load, and what it says of itself. */
export function headLines({ document, address, problem }: TopState, columns: number): Span[][] {
  const node = objectAt(document, "node");
  const trouble = problem === undefined ? [] : [[span(problem, "bad")]];
  if (document === undefined)
    return [[span("myelin top", "bold"), span(`  ${address}  no answer yet`)], ...trouble];
  const name: readonly Item[] = [
    [span(cell(node["id"]), "bold")],
    ...[cell(node["tier"]), cell(node["version"]), address].map((text) => [span(text)]),
    [span(`up ${upFor(numberOf(node["uptimeSeconds"]))}`)],
    [span(cell(node["state"]), node["state"] === "serving" ? "plain" : "warn")],
    [span(cell(document["time"]).slice(11, 19), "dim")],
  ];
  return [
    ...flowed(name, columns),
    ...trouble,
    ...enforcementLine(objectAt(node, "enforcement")),
    ...flowed(agentItems(document), columns),
    ...flowed([...processItems(document), ...overloadItems(document)], columns),
    ...flowed(trafficItems(document), columns),
    ...flowed([...latencyItems(document), ...outcomeItems(document)], columns),
  ];
}

/** A line of its own, so that nothing pushes it out of sight. */
function enforcementLine({ isOn, actor, reason }: JsonObject): Span[][] {
  if (isOn !== false) return [];
  const why = typeof reason === "string" && reason !== "" ? `: ${reason}` : "";
  return [[span("ENFORCEMENT OFF", "bad"), span(` by ${cell(actor)}${why}`)]];
}

function agentItems(document: JsonObject): readonly Item[] {
  const agents = objectAt(document, "agents");
  const load = objectAt(document, "load");
  return [
    [
      span(`agents ${count(agents["live"])} live`),
      countSpan(agents["hung"], "hung", "bad"),
      countSpan(agents["away"], "away", "warn"),
      span(`, ${count(agents["gone"])} gone`),
    ],
    [span(`sessions ${count(load["sessions"])}`)],
    [span(`watchers ${count(load["watchers"])}`)],
  ];
}

function processItems(document: JsonObject): readonly Item[] {
  const load = objectAt(document, "load");
  return [
    [span(`cpu ${share(load["cpu"])}`)],
    [span(`loop ${share(load["eventLoop"])}`)],
    [span(`memory ${bytes(numberOf(load["memoryBytes"]))}`)],
  ];
}

/** What each step of overload does, and how it stands out. */
const overloadSteps: readonly (readonly [string, Style])[] = [
  ["overload none", "plain"],
  ["OVERLOAD 1: bulk waits", "warn"],
  ["OVERLOAD 2: low scores are delayed", "bad"],
  ["OVERLOAD 3: low scores are shed", "bad"],
];

/** Nothing for a node that does not tell. */
function overloadItems(document: JsonObject): readonly Item[] {
  const { level, delayed, shed } = objectAt(document, "overload");
  const step = typeof level === "number" ? overloadSteps[level] : undefined;
  if (step === undefined) return [];
  const byReason = isJsonObject(shed) ? Object.values(shed) : [];
  const shedCount = byReason.reduce<number>((sum, each) => sum + (numberOf(each) ?? 0), 0);
  return [[span(...step)], [span(`${count(delayed)} delayed, ${count(shedCount)} shed`)]];
}

function trafficItems(document: JsonObject): readonly Item[] {
  const load = objectAt(document, "load");
  return [
    [span(`samples ${rate(load["samplesPerSecond"])}`)],
    [span(`frames ${rate(load["framesPerSecond"])}`)],
    [span(`received ${bytes(numberOf(load["bytesPerSecond"]))}/s`)],
    [
      span(`instructions ${rate(load["instructionsPerSecond"])}`),
      span(`, ${count(load["openInstructions"])} open`),
    ],
  ];
}

function latencyItems(document: JsonObject): readonly Item[] {
  const quantiles = (name: string): string => {
    const figures = objectAt(document, "latencyUs", name);
    return `${name} p50 ${readableUs(numberOf(figures["p50"]))} p99 ${readableUs(numberOf(figures["p99"]))}`;
  };
  return [[span(`latency ${quantiles("total")}`)], [span(quantiles("node"))]];
}

function outcomeItems(document: JsonObject): readonly Item[] {
  return Object.entries(objectAt(document, "counts"))
    .filter(([, ended]) => typeof ended === "number" && ended > 0)
    .map(([status, ended]) => [span(`${count(ended)} ${status}`, statusStyles[status] ?? "plain")]);
}

function countSpan(value: unknown, word: string, style: Style): Span {
  return span(`, ${count(value)} ${word}`, value === 0 ? "plain" : style);
}
