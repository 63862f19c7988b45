import { MyelinError } from "@myelin/core/errors";
import { LedgerFiles } from "./ledger-files.ts";
import type { Answer, Call, LedgerSettings, Outcome } from "./protocol.ts";
import { noFigures, type Service } from "./service.ts";

/** Rows appended before logs are moved into files and the retention is looked after, even under load. */
const maxRowsBetweenMaintenance = 20_000;

type FileCall = (argument: never) => unknown;

/** What the ledger worker does. */
export class LedgerService implements Service {
  readonly #settings: LedgerSettings;
  #files: LedgerFiles | undefined;
  #rowsSinceMaintenance = 0;

  constructor(settings: LedgerSettings) {
    this.#settings = settings;
  }

  run(calls: readonly Call[]): Answer {
    const outcomes = calls.map((call): Outcome => {
      try {
        return { value: this.#perform(call) };
      } catch (thrown) {
        return { error: MyelinError.from(thrown).toJSON() };
      }
    });
    if (this.#rowsSinceMaintenance >= maxRowsBetweenMaintenance) this.#maintain();
    return { outcomes, figures: noFigures };
  }

  idle(): boolean {
    if (this.#rowsSinceMaintenance > 0) this.#maintain();
    return false;
  }

  hourly(): void {
    this.#maintain();
  }

  #perform({ name, argument }: Call): unknown {
    if (name === "close") return this.#files?.close();
    this.#files ??= new LedgerFiles(this.#settings, Date.now);
    const files = this.#files;
    if (name === "append" && Array.isArray(argument)) this.#rowsSinceMaintenance += argument.length;
    // The link types its calls by LedgerCalls, whose functions LedgerFiles has.
    const run: FileCall = files[name as keyof LedgerFiles];
    return run.call(files, argument as never);
  }

  #maintain(): void {
    this.#rowsSinceMaintenance = 0;
    this.#files?.maintain();
  }
}
