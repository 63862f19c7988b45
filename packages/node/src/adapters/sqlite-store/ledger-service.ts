import { join } from "node:path";
import { LedgerFiles } from "./ledger-files.ts";
import type { Answer, Call, LedgerRow, LedgerSettings, Outcome } from "./protocol.ts";
import { noFigures, type Service } from "./service.ts";
import { isStorageCode, storageError } from "./storage-error.ts";

/** Rows appended before logs are moved into files and the retention is looked after, even under load. */
const maxRowsBetweenMaintenance = 20_000;

type FileCall = (argument: never) => unknown;

/** What the ledger worker does. */
export class LedgerService implements Service {
  readonly #settings: LedgerSettings;
  #files: LedgerFiles | undefined;
  #rowsSinceMaintenance = 0;
  #commitsUs: number[] = [];

  constructor(settings: LedgerSettings) {
    this.#settings = settings;
  }

  run(calls: readonly Call[]): Answer {
    const outcomes: Outcome[] = [];
    let appends: Call[] = [];
    for (const call of calls) {
      if (call.name === "append") {
        appends.push(call);
        continue;
      }
      outcomes.push(...this.#append(appends), this.#perform(call));
      appends = [];
    }
    outcomes.push(...this.#append(appends));
    if (this.#rowsSinceMaintenance >= maxRowsBetweenMaintenance) this.#maintain();
    const commitsUs = this.#commitsUs;
    this.#commitsUs = [];
    return { outcomes, figures: noFigures, commitsUs };
  }

  idle(): boolean {
    if (this.#rowsSinceMaintenance > 0) this.#maintain();
    return false;
  }

  hourly(): void {
    this.#maintain();
  }

  /** Appends in one commit; when that is refused for a fault of one of them, in a commit each. */
  #append(calls: readonly Call[]): Outcome[] {
    if (calls.length === 0) return [];
    const rows = calls.flatMap(({ argument }) => argument as LedgerRow[]);
    this.#rowsSinceMaintenance += rows.length;
    const startedAtMs = performance.now();
    const outcome = this.#perform({ name: "append", argument: rows });
    if ("value" in outcome) this.#commitsUs.push((performance.now() - startedAtMs) * 1e3);
    const isFault = "error" in outcome && !isStorageCode(outcome.error.code);
    return calls.map((call) => (isFault && calls.length > 1 ? this.#perform(call) : outcome));
  }

  #perform({ name, argument }: Call): Outcome {
    try {
      if (name === "close") return { value: this.#files?.close() };
      this.#files ??= new LedgerFiles(this.#settings, Date.now);
      // The link types its calls by LedgerCalls, whose functions LedgerFiles has.
      const run: FileCall = this.#files[name as keyof LedgerFiles];
      return { value: run.call(this.#files, argument as never) };
    } catch (thrown) {
      return { error: storageError(thrown, join(this.#settings.directory, "ledger")).toJSON() };
    }
  }

  #maintain(): void {
    this.#rowsSinceMaintenance = 0;
    this.#files?.maintain();
  }
}
