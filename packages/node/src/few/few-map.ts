/**
 * A map that mostly has one entry, as of an agent's parts. An empty `Map` takes 220 bytes, and one entry
 * does not change that; here it takes 48, and a map is made for a second one.
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

export class FewMap<Key extends {}, Value> implements Few<Key, Value> {
  /** Undefined where there is no entry. */
  #key: Key | undefined;
  #value: Value | undefined;
  #rest: Map<Key, Value> | undefined;

  get size(): number {
    return this.#key === undefined ? 0 : 1 + (this.#rest?.size ?? 0);
  }

  get(key: Key): Value | undefined {
    return this.#key === key ? this.#value : this.#rest?.get(key);
  }

  has(key: Key): boolean {
    return this.#key === key || this.#rest?.has(key) === true;
  }

  set(key: Key, value: Value): void {
    if (this.#key === undefined || this.#key === key) this.#setFirst(key, value);
    else (this.#rest ??= new Map()).set(key, value);
  }

  delete(key: Key): boolean {
    if (this.#key !== key) return this.#rest?.delete(key) === true;
    const next = this.#rest?.entries().next();
    if (next === undefined || next.done === true) this.#setFirst(undefined, undefined);
    else {
      this.#setFirst(...next.value);
      this.#rest?.delete(next.value[0]);
    }
    return true;
  }

  keys(): Iterable<Key> {
    const key = this.#key;
    if (key === undefined) return [];
    return this.#rest === undefined ? [key] : [key, ...this.#rest.keys()];
  }

  values(): Iterable<Value> {
    if (this.#key === undefined) return [];
    // The value of a key that is there.
    const value = this.#value as Value;
    return this.#rest === undefined ? [value] : [value, ...this.#rest.values()];
  }

  *[Symbol.iterator](): Iterator<[Key, Value]> {
    if (this.#key === undefined) return;
    yield [this.#key, this.#value as Value];
    if (this.#rest !== undefined) yield* this.#rest;
  }

  #setFirst(key: Key | undefined, value: Value | undefined): void {
    this.#key = key;
    this.#value = value;
  }
}
