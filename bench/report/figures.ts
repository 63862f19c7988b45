import { cpus, release, totalmem } from "node:os";

/** One figure of a benchmark. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** Against the floor or peer measured in the same run. */
  readonly ratio?: number;
  /** What the value (or the ratio, where there is one) is to stay at or below, or to reach. */
  readonly target?: number;
  /** True when the target is to be reached. */
  readonly isLeast?: boolean;
  readonly met?: boolean;
}

/** What a benchmark found. */
export interface Report {
  readonly bench: string;
  readonly machine: Readonly<Record<string, string | number>>;
  readonly figures: readonly Figure[];
  /** Set when the run does not count, with the reason. */
  readonly void?: string;
}

/** The machine that figures were taken on. */
export function machine(): Readonly<Record<string, string | number>> {
  const processors = cpus();
  return {
    cores: processors.length,
    cpu: processors[0]?.model.trim() ?? "unknown",
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
  };
}

/** A figure that is held against a target: by its ratio where there is one, else by its value. */
export function held(figure: Omit<Figure, "met">): Figure {
  if (figure.target === undefined) return figure;
  return { ...figure, met: (figure.ratio ?? figure.value) <= figure.target };
}

/** A figure whose value (or ratio, where there is one) is to reach a target. */
export function heldAbove(figure: Omit<Figure, "met" | "isLeast"> & { target: number }): Figure {
  return { ...figure, isLeast: true, met: (figure.ratio ?? figure.value) >= figure.target };
}

/** The report as one JSON document, in one line. */
export function documentOf(report: Report): string {
  return `${JSON.stringify(report)}\n`;
}

/** The exit code of a run: 1 when it does not count, or missed a target. */
export function exitCodeOf(report: Report): number {
  const isMissed = report.figures.some(({ met }) => met === false);
  return isMissed || report.void !== undefined ? 1 : 0;
}

/** The middle one. */
export function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}

/** The report as a table. */
export function tableOf(report: Report): string {
  const rows = report.figures.map((figure) => [
    figure.name,
    `${rounded(figure.value)} ${figure.unit}`,
    figure.ratio === undefined ? "" : `${figure.ratio.toFixed(2)} x`,
    figure.target === undefined
      ? ""
      : `${figure.isLeast === true ? ">=" : "<="} ${figure.target}${figure.ratio === undefined ? ` ${figure.unit}` : " x"}`,
    figure.met === undefined ? "" : figure.met ? "met" : "MISSED",
  ]);
  const all = [["figure", "value", "ratio", "target", ""], ...rows];
  const widths = [0, 1, 2, 3, 4].map((column) =>
    Math.max(...all.map((row) => row[column]?.length ?? 0)),
  );
  const lines = all.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
  const on = Object.entries(report.machine).map(([name, value]) => `${name} ${value}`);
  const isVoid = report.void === undefined ? "" : `\nVOID: ${report.void}\n`;
  return `bench ${report.bench} (${on.join(", ")})\n${lines.join("\n")}\n${isVoid}`;
}

function rounded(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toFixed(1);
}
