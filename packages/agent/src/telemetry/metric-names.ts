import { MyelinError } from "@myelin/core/errors";
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
  #tolerances = new Float64Array(0);
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

  /** How far off the receiver may have each metric's values, by id; the list may be shorter. */
  get tolerances(): Float64Array {
    return this.#tolerances;
  }

  /** True when some metric has a tolerance. */
  get hasTolerances(): boolean {
    return this.#tolerances.length > 0;
  }

  /** Gives the metric of that id a tolerance. @throws MyelinError INVALID_ARGUMENT */
  setTolerance(id: number, tolerance: number): void {
    if (!(tolerance >= 0 && Number.isFinite(tolerance))) {
      throw new MyelinError("INVALID_ARGUMENT", `${tolerance} is no tolerance`, {
        hint: "Give how far off a value may be, in the metric's unit; 0 for not at all.",
      });
    }
    if (id === 0) return;
    if (id >= this.#tolerances.length) {
      const tolerances = new Float64Array(Math.max(id + 1, this.#tolerances.length * 2));
      tolerances.set(this.#tolerances);
      this.#tolerances = tolerances;
    }
    this.#tolerances[id] = tolerance;
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
