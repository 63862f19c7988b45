export { type AccountFigures, type LatencyFigures, Ledger, type LedgerOptions } from "./ledger.ts";
