/**
 * A map that mostly has one entry, as of an agent's parts. An empty `Map` takes 220 bytes, and one entry
 * does not change that; here they are 56, and a map is made for a second one.
 *
 * Invariants
 * 1. Entries are told in the order in which they came, as a `Map` tells them.
 * 2. `#rest` has entries only while there is a first one.
 */

/** What is asked of a map of few entries; a `Map` is one. */
export interface ReadonlyFew<Key, Value> {
  readonly size: number;
  get(key: Key): Value | undefined;
  has(key: Key): boolean;
  keys(): Iterable<Key>;
  values(): Iterable<Value>;
  [Symbol.iterator](): Iterator<[Key, Value]>;
}

/** One that can be changed. */
export interface Few<Key, Value> extends ReadonlyFew<Key, Value> {
  set(key: Key, value: Value): unknown;
  delete(key: Key): boolean;
}

interface Entry<Key, Value> {
  readonly key: Key;
  value: Value;
}

export class FewMap<Key, Value> implements Few<Key, Value> {
  #first: Entry<Key, Value> | undefined;
  #rest: Map<Key, Value> | undefined;

  get size(): number {
    return this.#first === undefined ? 0 : 1 + (this.#rest?.size ?? 0);
  }

  get(key: Key): Value | undefined {
    const first = this.#first;
    return first?.key === key ? first.value : this.#rest?.get(key);
  }

  has(key: Key): boolean {
    return this.#first?.key === key || this.#rest?.has(key) === true;
  }

  set(key: Key, value: Value): void {
    const first = this.#first;
    if (first === undefined) this.#first = { key, value };
    else if (first.key === key) first.value = value;
    else (this.#rest ??= new Map()).set(key, value);
  }

  delete(key: Key): boolean {
    if (this.#first?.key !== key) return this.#rest?.delete(key) === true;
    this.#first = undefined;
    for (const [next, value] of this.#rest ?? []) {
      this.#first = { key: next, value };
      this.#rest?.delete(next);
      break;
    }
    return true;
  }

  keys(): Iterable<Key> {
    const first = this.#first;
    if (first === undefined) return [];
    return this.#rest === undefined ? [first.key] : [first.key, ...this.#rest.keys()];
  }

  values(): Iterable<Value> {
    const first = this.#first;
    if (first === undefined) return [];
    return this.#rest === undefined ? [first.value] : [first.value, ...this.#rest.values()];
  }

  *[Symbol.iterator](): Iterator<[Key, Value]> {
    const first = this.#first;
    if (first === undefined) return;
    yield [first.key, first.value];
    if (this.#rest !== undefined) yield* this.#rest;
  }
}
