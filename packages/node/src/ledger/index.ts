export type { AccountFigures, LatencyFigures } from "./account.ts";
export {
  Ledger,
  type LedgerOptions,
  type LedgerReading,
  type LedgerState,
  readingOf,
} from "./ledger.ts";
export { Restoration, type RestorationOptions } from "./restoration.ts";
