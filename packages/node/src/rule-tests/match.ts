import type { ExpectedInstruction } from "@myelin/core/rule-tests";
import { isSameJson } from "../engine/index.ts";
import type { Given } from "./stage.ts";

/** What was expected and is not there, and what is there and was not expected. */
export interface Difference {
  readonly missing: readonly ExpectedInstruction[];
  readonly others: readonly Given[];
}

/** Gives each expected instruction one that fits, as many as possible: what is left undefined fits several. */
export function difference(
  expected: readonly ExpectedInstruction[],
  given: readonly Given[],
): Difference {
  const taken = new Map<Given, ExpectedInstruction>();
  const place = (item: ExpectedInstruction, tried: Set<Given>): boolean =>
    given.some((candidate) => {
      if (tried.has(candidate) || !fits(item, candidate)) return false;
      tried.add(candidate);
      const holder = taken.get(candidate);
      if (holder !== undefined && !place(holder, tried)) return false;
      taken.set(candidate, item);
      return true;
    });
  for (const item of expected) place(item, new Set());
  const placed = new Set(taken.values());
  return {
    missing: expected.filter((item) => !placed.has(item)),
    others: given.filter((each) => !taken.has(each)),
  };
}

function fits(item: ExpectedInstruction, given: Given): boolean {
  return (
    item.mode === given.mode &&
    (item.rule ?? given.rule) === given.rule &&
    (item.agent ?? given.agent) === given.agent &&
    (item.action ?? given.action) === given.action &&
    (item.atUs ?? given.atUs) === given.atUs &&
    (item.attempt ?? given.attempt) === given.attempt &&
    (item.args === undefined || isSameJson(item.args, given.args))
  );
}
