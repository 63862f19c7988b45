import type { Clock } from "@myelin/core/clock";
import type { Dice } from "../world/dice.ts";
import type { SimPart } from "./sim-part.ts";
import { markOf } from "../checks/windows.ts";
import { loadOfSpell } from "./spells.ts";

const calmLoad = 0.2;

/** What a part reports while it works: a load with hot spells, a memory that grows, a state, events. */
export class Workload {
  readonly part: SimPart;
  readonly #clock: Clock;
  readonly #dice: Dice;
  readonly #everyUs: number;
  readonly #isMarked: boolean;
  #hotUntilUs = 0;
  #spells = 0;
  #memory = 10;
  #isCalm = false;
  #isOver = false;
  #reports = 0;

  readonly #onReport: (number: number, load: number, memory: number) => void;

  /** `onReport` is told of each report, by its number, and of its load and memory. */
  constructor(
    part: SimPart,
    clock: Clock,
    dice: Dice,
    options: {
      readonly everyUs: number;
      /** Whether reports bear marks, by which windows are judged. */
      readonly isMarked: boolean;
      readonly onReport: (number: number, load: number, memory: number) => void;
    },
  ) {
    const { everyUs, isMarked, onReport } = options;
    this.#isMarked = isMarked;
    this.#onReport = onReport;
    this.part = part;
    this.#clock = clock;
    this.#dice = dice;
    this.#everyUs = everyUs;
  }

  /** How many reports were made; the last one's number is in the metric `reports_PART` and, when calm, in the twin. */
  get reports(): number {
    return this.#reports;
  }

  begin(): void {
    this.#clock.schedule(this.#dice.wait(this.#everyUs), () => {
      if (this.#isOver) return;
      this.#work();
      this.begin();
    });
  }

  /** No rule has cause to act from now on. */
  calm(): void {
    this.#isCalm = true;
  }

  /** Reports once more, and then no more. */
  end(): void {
    this.#isOver = true;
    this.#report();
  }

  #report(): void {
    const load = this.#load();
    const memory = this.#isCalm ? 10 : this.#memory;
    this.part.act((sdk) => {
      const reports = ++this.#reports;
      const { part } = this.part.identity;
      this.#onReport(reports, load, memory);
      const marks = this.#isMarked ? { [`mark_${part}`]: markOf(reports) } : undefined;
      sdk.report({ load, memory, [`reports_${part}`]: reports, ...marks });
      if (reports % 5 === 0 || this.#isCalm) sdk.state.patch({ [part]: { reports } });
      if (reports % (this.#isMarked ? 7 : 11) === 0)
        sdk.event("tool_call", { tool: "search", reports });
    });
  }

  #work(): void {
    const nowUs = this.#clock.nowUs();
    if (this.#hotUntilUs < nowUs && this.#dice.chance(0.06)) this.#beginSpell(nowUs);
    this.#memory = this.#memory > 140 ? 10 : this.#memory + this.#dice.between(0, 12);
    this.#report();
  }

  #beginSpell(nowUs: number): void {
    this.#spells++;
    this.#hotUntilUs = nowUs + this.#dice.wait(this.#dice.chance(0.3) ? 8e6 : 1.5e6);
  }

  #load(): number {
    if (this.#isCalm) return calmLoad;
    const isHot = this.#clock.nowUs() < this.#hotUntilUs;
    return isHot ? loadOfSpell(this.#spells) : calmLoad + this.#dice.between(0, 0.5);
  }
}
