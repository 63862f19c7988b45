/** Backtests: recorded telemetry is told to rules again, and what they decide is compared. */
export {
  type Backtest,
  type BacktestOptions,
  runBacktest,
} from "./backtest.ts";
export type { Difference } from "./comparison.ts";
export type { RecordedData } from "./data.ts";
export type { BacktestFiring, BreakerTurn, RuleFigures } from "./figures.ts";
export type { SideFigures } from "./replica.ts";
