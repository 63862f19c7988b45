import { fitted, printable, truncated, widthOf } from "../output/index.ts";

/** How a piece of text stands out. */
export type Style = "plain" | "bold" | "dim" | "good" | "warn" | "bad" | "heading";

/** A piece of text in one style. */
export interface Span {
  readonly text: string;
  readonly style: Style;
}

const codes: Readonly<Record<Style, string>> = {
  plain: "",
  bold: "1",
  dim: "2",
  good: "32",
  warn: "33",
  bad: "31",
  heading: "7",
};

/** By what became of an instruction. */
export const statusStyles: Readonly<Record<string, Style>> = {
  executed: "good",
  failed: "bad",
  rejected: "warn",
  expired: "warn",
  canceled: "dim",
};

export function span(text: string, style: Style = "plain"): Span {
  return { text: printable(text), style };
}

/** Spans in at most `width` cells, with colours if wanted. */
export function painted(spans: readonly Span[], width: number, hasColor: boolean): string {
  let line = "";
  let left = width;
  for (const { text, style } of spans) {
    if (left <= 0) break;
    const shown = truncated(text, left);
    left -= widthOf(shown);
    const code = hasColor ? codes[style] : "";
    line += code === "" ? shown : `\u001b[${code}m${shown}\u001b[0m`;
  }
  return hasColor ? line : line.trimEnd();
}

/** A column of a table: its heading, how wide it may be, and to which side its cells lean. */
export interface Column {
  readonly title: string;
  readonly align?: "right";
  /** The column takes what others leave; others are as wide as their widest cell, up to `maxWidth`. */
  readonly isWide?: boolean;
  readonly maxWidth?: number;
}

const gap = 2;

/** Rows as lines below a heading; each as wide as the view. */
export function tableLines(
  columns: readonly Column[],
  rows: readonly (readonly Span[])[],
  width: number,
  hasColor: boolean,
): string[] {
  const widths = columns.map(({ title, maxWidth = 40 }, at) =>
    Math.min(maxWidth, Math.max(title.length, ...rows.map((row) => widthOf(row[at]?.text ?? "")))),
  );
  const wideAt = columns.findIndex(({ isWide }) => isWide === true);
  const others = widths.reduce((sum, each, at) => (at === wideAt ? sum : sum + each + gap), 0);
  if (wideAt >= 0) widths[wideAt] = Math.max(8, Math.min(widths[wideAt] ?? 0, width - others));
  const line = (cells: readonly Span[]): Span[] =>
    cells.map(({ text, style }, at) => {
      const isLast = at === cells.length - 1;
      const cell = fitted(text, widths[at] ?? 0, columns[at]?.align ?? "left");
      return { text: isLast ? cell : cell + " ".repeat(gap), style };
    });
  const heading: Span = {
    text: fitted(
      line(columns.map(({ title }) => span(title)))
        .map(({ text }) => text)
        .join(""),
      width,
    ),
    style: "heading",
  };
  return [
    painted([heading], width, hasColor),
    ...rows.map((row) => painted(line(row), width, hasColor)),
  ];
}
