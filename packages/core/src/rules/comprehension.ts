import { FALSE, TRUE, type Tri, UNKNOWN } from "./tri.ts";
import { elementsOf, type Steps, type Value } from "./values.ts";

/** The macros of CEL over lists and the keys of maps, in three-valued logic. */

type Predicate = (element: Value) => Tri;

/** True when one element satisfies; else unknown when one is unknown. */
export function exists(range: Value, predicate: Predicate, steps: Steps): Tri {
  const elements = elementsOf(range);
  if (elements === undefined) return UNKNOWN;
  let result: Tri = FALSE;
  for (const element of elements) {
    steps.take(1);
    const truth = predicate(element);
    if (truth === TRUE) return TRUE;
    if (truth === UNKNOWN) result = UNKNOWN;
  }
  return result;
}

/** False when one element does not satisfy; else unknown when one is unknown. */
export function all(range: Value, predicate: Predicate, steps: Steps): Tri {
  const elements = elementsOf(range);
  if (elements === undefined) return UNKNOWN;
  let result: Tri = TRUE;
  for (const element of elements) {
    steps.take(1);
    const truth = predicate(element);
    if (truth === FALSE) return FALSE;
    if (truth === UNKNOWN) result = UNKNOWN;
  }
  return result;
}

/** True when exactly one element satisfies; unknown when one is unknown. */
export function existsOne(range: Value, predicate: Predicate, steps: Steps): Tri {
  const satisfying = filter(range, predicate, steps);
  if (satisfying === undefined) return UNKNOWN;
  return satisfying.length === 1 ? TRUE : FALSE;
}

/** The elements that satisfy; unknown when one is unknown. */
export function filter(range: Value, predicate: Predicate, steps: Steps): Value[] | undefined {
  const elements = elementsOf(range);
  if (elements === undefined) return undefined;
  const result: Value[] = [];
  for (const element of elements) {
    steps.take(1);
    const truth = predicate(element);
    if (truth === UNKNOWN) return undefined;
    if (truth === TRUE) result.push(element);
  }
  return result;
}

/** What the body makes of each element; unknown when one is unknown. */
export function map(range: Value, body: (element: Value) => Value, steps: Steps): Value {
  const elements = elementsOf(range);
  if (elements === undefined) return undefined;
  const result: Value[] = [];
  for (const element of elements) {
    steps.take(1);
    const made = body(element);
    if (made === undefined) return undefined;
    result.push(made);
  }
  return result;
}
