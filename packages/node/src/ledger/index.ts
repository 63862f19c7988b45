export type { AccountFigures, LatencyFigures } from "./account.ts";
export { Ledger, type LedgerOptions } from "./ledger.ts";
export { Restoration, type RestorationOptions } from "./restoration.ts";
