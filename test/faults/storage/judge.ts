// Whether what a store made of a damage is sound: it refuses with words that help, or what it tells is true.
import { isDeepStrictEqual } from "node:util";
import { MyelinError } from "@myelin/core/errors";
import type { Damage, Outcome } from "./damage.ts";
import type { History, Told } from "./history.ts";

/** How often each end came. */
export interface Ends {
  refused: number;
  /** Opened, and what was damaged was refused when it was asked for. */
  refusedLater: number;
  unharmed: number;
  /** At an earlier commit of its log. */
  earlier: number;
}

export const noEnds = (): Ends => ({ refused: 0, refusedLater: 0, unharmed: 0, earlier: 0 });

/** What is wrong with a refusal; undefined when it says what happened, where, and what to do. */
function faultOfRefusal(error: MyelinError, file: string): string | undefined {
  const { code, message, hint } = error;
  if (code !== "STORAGE_CORRUPT" && code !== "SCHEMA_TOO_NEW") return `it says ${code}: ${message}`;
  const base = file.replace(/-wal$/, "");
  if (!message.includes(base)) return `it does not name the file: ${message}`;
  return hint === "" ? `it does not say what to do: ${message}` : undefined;
}

/** True when it tells the truth of `moment` wherever it does not refuse to tell. */
function agrees(told: Told, moment: Told): boolean {
  return [...told].every(
    ([what, answer]) =>
      answer instanceof MyelinError || isDeepStrictEqual(answer, moment.get(what)),
  );
}

function laterRefusals(told: Told): MyelinError[] {
  return [...told.values()].filter((answer) => answer instanceof MyelinError);
}

/** What is wrong after a damage to the state; undefined when nothing is. */
export function judgeState(
  history: History,
  damage: Damage,
  outcome: Outcome,
  ends: Ends,
): string | undefined {
  if ("refused" in outcome) {
    ends.refused += 1;
    return faultOfRefusal(outcome.refused, damage.file);
  }
  const { moments } = history;
  const present = moments.length - 1;
  const refusals = laterRefusals(outcome.told);
  const at = moments.findLastIndex(({ told }) => agrees(outcome.told, told));
  if (at === -1) return "it tells what was never true";
  if (at === present) ends[refusals.length > 0 ? "refusedLater" : "unharmed"] += 1;
  else ends.earlier += 1;
  if (at < present && at < earliestAllowed(history, damage)) return `it tells of commit ${at} only`;
  return refusals
    .map((error) => faultOfRefusal(error, damage.file))
    .find((why) => why !== undefined);
}

/** Commits that end before the damage are there, and a damaged log is refused but for its last commits. */
function earliestAllowed({ moments }: History, { file, at, what }: Damage): number {
  const present = moments.length - 1;
  if (!file.endsWith("-wal")) return present;
  const whole = moments.findLastIndex(({ logBytes }) => logBytes <= at);
  return what.includes("cut") ? whole : Math.max(whole, present - 2);
}

/** The same for the ledger, whose log may lose its end with the machine: what it tells, it was told. */
export function judgeLedger(
  { ledger }: History,
  damage: Damage,
  outcome: Outcome,
  ends: Ends,
): string | undefined {
  if ("refused" in outcome) {
    ends.refused += 1;
    return faultOfRefusal(outcome.refused, damage.file);
  }
  const refusals = laterRefusals(outcome.told);
  ends[refusals.length > 0 ? "refusedLater" : "unharmed"] += 1;
  if (!agrees(outcome.told, ledger)) return "it tells what was never true";
  return refusals.map((error) => faultOfRefusal(error, "ledger")).find((why) => why !== undefined);
}
