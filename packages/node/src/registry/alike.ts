/*
 * Keeps once what many agents declare alike: those of a fleet are of a few types, with the same actions.
 *
 * Invariants
 * 1. What is shared is never changed.
 * 2. At most `maxRemembered` declarations are remembered besides those in use.
 */
import type { ActionInfo, DeclaredAttributes } from "./agent.ts";
import type { Declaration } from "./declaration.ts";

/** Declarations to compare a new one with; the latest first. */
const maxRemembered = 8;

export class Alike {
  readonly #actions: Declaration["actions"][] = [];
  readonly #attributes: DeclaredAttributes[] = [];

  /** The declaration, with what a late one had alike in its place. */
  of(declaration: Declaration): Declaration {
    return {
      ...declaration,
      actions: remembered(this.#actions, declaration.actions, areActionsAlike),
      attributes: remembered(this.#attributes, declaration.attributes, areAttributesAlike),
    };
  }
}

function remembered<Value>(
  known: Value[],
  value: Value,
  areAlike: (one: Value, other: Value) => boolean,
): Value {
  const found = known.find((one) => areAlike(one, value));
  if (found !== undefined) return found;
  known.unshift(value);
  if (known.length > maxRemembered) known.pop();
  return value;
}

function areActionsAlike(
  one: ReadonlyMap<string, ActionInfo>,
  other: ReadonlyMap<string, ActionInfo>,
): boolean {
  if (one.size !== other.size) return false;
  for (const [name, { isIdempotent }] of one)
    if (other.get(name)?.isIdempotent !== isIdempotent) return false;
  return true;
}

function areAttributesAlike(one: DeclaredAttributes, other: DeclaredAttributes): boolean {
  if (one.type !== other.type || one.tier !== other.tier) return false;
  const { capabilities, labels } = one;
  if (capabilities.length !== other.capabilities.length) return false;
  if (capabilities.some((capability, at) => capability !== other.capabilities[at])) return false;
  const names = Object.keys(labels);
  if (names.length !== Object.keys(other.labels).length) return false;
  return names.every((name) => labels[name] === other.labels[name]);
}
