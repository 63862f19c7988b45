import { parseMetricName } from "@myelin/core/ids";
import type { MetricDeclaration } from "@myelin/core/wire";

/** Bound on names before a node has told its own, and above any node's. */
const mostNames = 100_000;

/**
 * Numbers metric names from 1 in the order of their first use. A name keeps its number for the
 * agent's life, so frames stay valid in every later session that declares the names in this order.
 */
export class MetricNames {
  readonly #ids = new Map<string, number>();
  readonly #declarations: MetricDeclaration[] = [];
  #limit = mostNames;

  /** How many names there are. */
  get count(): number {
    return this.#declarations.length;
  }

  /** Most names that a session takes; names beyond it have no id. */
  get limit(): number {
    return this.#limit;
  }

  set limit(limit: number) {
    this.#limit = limit > 0 ? Math.min(limit, mostNames) : mostNames;
  }

  /**
   * The name's id, or 0 when the bound on names is reached.
   * @throws MyelinError INVALID_ARGUMENT when it cannot be a metric's name.
   */
  idOf(name: string): number {
    return this.#ids.get(name) ?? this.#add(name);
  }

  /** Declares the names after the first `known`. */
  after(known: number): readonly MetricDeclaration[] {
    return this.#declarations.slice(known, this.#limit);
  }

  #add(name: string): number {
    const parsed = parseMetricName(name);
    if (this.count >= this.#limit) return 0;
    const id = this.count + 1;
    this.#ids.set(parsed, id);
    this.#declarations.push({ id, name: parsed });
    return id;
  }
}
