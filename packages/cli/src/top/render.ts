/**
 * What `myelin top` shows, as a pure function of the state and the room there is.
 *
 * Invariants
 * 1. No line is wider than `columns`, and with `rows` there are no more lines than that.
 * 2. Nothing that an agent said reaches the terminal but as printable text.
 */
import { isJsonObject, type JsonObject } from "@myelin/core/json";
import { cell, numberOf, objectsOf, readableUs } from "../output/index.ts";
import { count, share } from "./figures.ts";
import { headLines } from "./head.ts";
import { objectAt, type TopState } from "./state.ts";
import {
  type Column,
  painted,
  type Span,
  type Style,
  span,
  statusStyles,
  tableLines,
} from "./style.ts";

/** The room there is. */
export interface View {
  readonly columns: number;
  /** Lines there are; without, as many as there is to show. */
  readonly rows: number | undefined;
  readonly hasColor: boolean;
  /** True when keys are heard: they are named in the last line. */
  readonly hasKeys: boolean;
}

const stateStyles: Readonly<Record<string, Style>> = { live: "good", hung: "bad", away: "warn" };

/** The view's lines. */
export function render(state: TopState, view: View): string[] {
  const { columns, rows, hasColor } = view;
  const paint = (spans: readonly Span[]): string => painted(spans, columns, hasColor);
  const head = headLines(state, columns).map(paint);
  const foot = view.hasKeys ? [paint([span(keysLine(state), "dim")])] : [];
  if (state.document === undefined) return clipped([...head, ...foot], rows);
  const sections = sectionsOf(state.document);
  const room =
    rows === undefined ? undefined : rows - head.length - foot.length - 2 * sections.length;
  const counts = shares(
    sections.map(({ rows: { length } }) => length),
    room,
  );
  const lines = sections.flatMap((section, at) => {
    const from = at === 0 ? Math.min(state.scrolled, Math.max(0, section.rows.length - 1)) : 0;
    const shown = section.rows.slice(from, from + (counts[at] ?? 0));
    return ["", ...tableLines(section.columns, shown, columns, hasColor)];
  });
  return clipped([...head, ...lines, ...foot], rows);
}

function clipped(lines: readonly string[], rows: number | undefined): string[] {
  return rows === undefined ? [...lines] : lines.slice(0, Math.max(1, rows));
}

/** Divides the room: the first section takes what the others, which get at least a quarter each, leave. */
function shares(lengths: readonly number[], room: number | undefined): readonly number[] {
  if (room === undefined) return lengths;
  const least = Math.max(1, Math.floor(room / 4));
  let left = Math.max(0, room);
  const counts = lengths.map((length) => Math.min(length, least));
  left -= counts.reduce((sum, count) => sum + count, 0);
  for (let at = 0; at < counts.length && left > 0; at += 1) {
    const more = Math.min(left, (lengths[at] ?? 0) - (counts[at] ?? 0));
    counts[at] = (counts[at] ?? 0) + more;
    left -= more;
  }
  return counts;
}

interface Section {
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly Span[])[];
}

const agentColumns: readonly Column[] = [
  { title: "AGENT", maxWidth: 32 },
  { title: "TYPE", maxWidth: 16 },
  { title: "STATE" },
  { title: "CPU", align: "right" },
  { title: "HEARTBEAT", align: "right" },
  { title: "OPEN", align: "right" },
  { title: "FIRING", isWide: true, maxWidth: 200 },
];
const ruleColumns: readonly Column[] = [
  { title: "RULE", maxWidth: 40 },
  { title: "MODE" },
  { title: "FIRING ON", align: "right" },
  { title: "PENDING", align: "right" },
  { title: "MATCHING", align: "right" },
  { title: "FIRED", align: "right" },
  { title: "BREAKER", isWide: true },
];
const instructionColumns: readonly Column[] = [
  { title: "ENDED" },
  { title: "AGENT", maxWidth: 24 },
  { title: "ACTION", maxWidth: 20 },
  { title: "BY", maxWidth: 24 },
  { title: "STATUS" },
  { title: "TOTAL", align: "right" },
  { title: "WHY", isWide: true, maxWidth: 200 },
];

function sectionsOf(document: JsonObject): readonly Section[] {
  return [
    { columns: agentColumns, rows: objectsOf(objectAt(document, "agents")["shown"]).map(agentRow) },
    { columns: ruleColumns, rows: objectsOf(document["rules"]).map(ruleRow) },
    { columns: instructionColumns, rows: objectsOf(document["instructions"]).map(instructionRow) },
  ];
}

function agentRow(agent: JsonObject): readonly Span[] {
  const state = cell(agent["state"]);
  const age = numberOf(agent["heartbeatAgeSeconds"]);
  const firing = Array.isArray(agent["firing"]) ? agent["firing"].map(cell).join(" ") : "";
  return [
    span(cell(agent["id"])),
    span(cell(agent["type"])),
    span(state, stateStyles[state] ?? "plain"),
    span(share(agent["cpu"])),
    span(age === null ? "-" : `${age.toFixed(age < 10 ? 2 : 0)} s`),
    span(cell(agent["outstanding"])),
    span(firing, "warn"),
  ];
}

function ruleRow(rule: JsonObject): readonly Span[] {
  const firing = numberOf(rule["firing"]) ?? 0;
  const countOf = (name: string): Span => span(count(rule[name]));
  return [
    span(cell(rule["name"])),
    span(cell(rule["mode"]), rule["mode"] === "enforce" ? "plain" : "dim"),
    span(count(rule["firing"]), firing > 0 ? "warn" : "plain"),
    countOf("pending"),
    countOf("matching"),
    countOf("firings"),
    rule["isBreakerOpen"] === true ? span("open", "bad") : span("-"),
  ];
}

function instructionRow(instruction: JsonObject): readonly Span[] {
  const status = cell(instruction["status"]);
  const error = isJsonObject(instruction["error"]) ? instruction["error"] : undefined;
  return [
    span(cell(instruction["endedAt"]).slice(11, 23)),
    span(cell(instruction["agent"])),
    span(cell(instruction["action"])),
    span(cell(instruction["actor"])),
    span(status, statusStyles[status] ?? "plain"),
    span(readableUs(numberOf(instruction["totalUs"]))),
    span(error === undefined ? "" : `${cell(error["code"])} ${cell(error["message"])}`),
  ];
}

function keysLine({ sort }: TopState): string {
  return `q quit  s sort by ${sort}  up, down scroll agents`;
}
