import { formatTime } from "@myelin/core/instruction";
import type { AccountFigures, LedgerReading } from "../ledger/index.ts";

/** The figures of the ledger as JSON. */
export function ledgerDocument(ledger: LedgerReading): {
  readonly since: string;
  readonly fleet: AccountFigures;
  readonly rules: Readonly<Record<string, AccountFigures>>;
} {
  const rules = Object.fromEntries([...ledger.figuresByRule()]);
  return { since: formatTime(ledger.sinceUs), fleet: ledger.figures(), rules };
}
