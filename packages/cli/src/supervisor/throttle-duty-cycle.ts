/**
 * Throttles a process tree by stopping and continuing it.
 *
 * The tree has a budget of CPU time that grows by `cpu` cores. It runs while it has some and is stopped
 * when it has none, until a period's worth is saved again; so a tree of many threads is held as
 * well as one of one, and one that uses less than its share is never stopped.
 */
import type { Throttle, ThrottleTarget } from "./throttle.ts";

const periodMs = 100;
const minSliceMs = 1;
/** A debt is forgiven beyond this, so that a misjudged slice cannot stop a tree for long. */
const maxDebtMs = 1000;

export class DutyCycleThrottle implements Throttle {
  readonly mode = "duty-cycle";
  readonly folder = undefined;
  #cpu: number;
  readonly #target: ThrottleTarget;
  #timer: NodeJS.Timeout | undefined;
  #budgetNs = 0;
  #readAtMs: number;
  #readCpuNs: number;
  /** Cores the tree used when it ran last. */
  #cores = 1;
  #isStopped = false;
  #isHeld = false;

  constructor(target: ThrottleTarget, cpu: number) {
    this.#target = target;
    this.#cpu = cpu;
    this.#readAtMs = performance.now();
    target.sampler.readFast(this.#readAtMs);
    this.#readCpuNs = target.sampler.usage.cpuNs;
    this.#endSlice();
  }

  get cpu(): number {
    return this.#cpu;
  }

  setCpu(cpu: number): void {
    this.#cpu = cpu;
  }

  hold(): void {
    clearTimeout(this.#timer);
    this.#isStopped = true;
    this.#isHeld = true;
  }

  release(): void {
    this.#isHeld = false;
    this.#endSlice();
  }

  lift(): void {
    clearTimeout(this.#timer);
    if (this.#isStopped && !this.#isHeld) this.#target.control.signalAll("SIGCONT");
    this.#isStopped = false;
  }

  #endSlice(): void {
    this.#settle();
    if (this.#budgetNs > 0) this.#runOn();
    else this.#stop();
  }

  /** Brings the budget up to date with what the tree used since the last time. */
  #settle(): void {
    const nowMs = performance.now();
    const { sampler } = this.#target;
    sampler.readFast(nowMs);
    const usedNs = sampler.usage.cpuNs - this.#readCpuNs;
    const elapsedNs = (nowMs - this.#readAtMs) * 1e6;
    if (!this.#isStopped && elapsedNs > 0) this.#cores = usedNs / elapsedNs;
    const earnedNs = this.#budgetNs + elapsedNs * this.#cpu - usedNs;
    const mostNs = periodMs * 1e6 * this.#cpu;
    this.#budgetNs = Math.max(-maxDebtMs * 1e6 * this.#cpu, Math.min(mostNs, earnedNs));
    this.#readAtMs = nowMs;
    this.#readCpuNs = sampler.usage.cpuNs;
  }

  #runOn(): void {
    if (this.#isStopped) {
      this.#isStopped = false;
      this.#target.control.signalKnown("SIGCONT");
    }
    const sliceMs = this.#budgetNs / 1e6 / Math.max(1, this.#cores);
    this.#wait(Math.max(minSliceMs, sliceMs));
  }

  #stop(): void {
    if (!this.#isStopped) {
      this.#isStopped = true;
      this.#target.control.signalKnown("SIGSTOP");
    }
    const wantedNs = periodMs * 1e6 * this.#cpu * (1 - Math.min(1, this.#cpu)) - this.#budgetNs;
    this.#wait(Math.max(minSliceMs, wantedNs / 1e6 / this.#cpu));
  }

  #wait(delayMs: number): void {
    this.#timer = setTimeout(() => this.#endSlice(), delayMs);
  }
}
