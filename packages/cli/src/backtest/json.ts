import { formatTime } from "@myelin/core/instruction";
import type { Backtest, BacktestFiring, Difference, RuleFigures } from "@myelin/node";

/** The result as a document; of more firings than are kept it says how many there are. */
export function jsonOfBacktest(backtest: Backtest, warnings: readonly string[]): object {
  const { range, inputs, samples, agents, missing, now, before } = backtest;
  const { firings, firingCount, differences, differenceCount, breakers } = backtest;
  return {
    data: {
      ...(range === undefined
        ? {}
        : { from: formatTime(range.fromUs), to: formatTime(range.toUs) }),
      ...{ inputs, samples, agents, missing, late: now.late, future: now.future },
    },
    warnings,
    rules: now.rules.map(figuresDocument),
    breakers: breakers.map(({ atUs, ...turn }) => ({ at: formatTime(atUs), ...turn })),
    firingCount,
    firings: firings.map(firingDocument),
    ...(before === undefined
      ? {}
      : {
          before: before.rules.map(figuresDocument),
          differenceCount,
          differences: differences.map(differenceDocument),
        }),
  };
}

function figuresDocument({ firingUs, ...figures }: RuleFigures): object {
  return { ...figures, firingSeconds: firingUs / 1e6 };
}

function firingDocument({ atUs, timeUs, startedAtUs, ...firing }: BacktestFiring): object {
  return {
    at: formatTime(atUs),
    time: formatTime(timeUs),
    startedAt: formatTime(startedAtUs),
    ...firing,
  };
}

function differenceDocument(difference: Difference): object {
  return {
    kind: difference.kind,
    ...(difference.kind === "removed" ? {} : { now: firingDocument(difference.now) }),
    ...(difference.kind === "added" ? {} : { before: firingDocument(difference.before) }),
  };
}
