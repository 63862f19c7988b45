import { type EventLoopUtilization, performance } from "node:perf_hooks";
import process from "node:process";
import type { Load } from "../../api/index.ts";
import type { Clock, Timer } from "../../ports/clock.ts";

/** Totals since the start, of which the rates are made. */
export interface Totals {
  readonly samples: number;
  readonly frames: number;
  readonly bytes: number;
  readonly instructions: number;
}

/** Measures what the process is busy with, a second at a time. */
export interface LoadMeter {
  read(): Load;
  stop(): void;
}

interface Reading {
  readonly atUs: number;
  readonly totals: Totals;
  readonly cpuUs: number;
  readonly loop: EventLoopUtilization;
}

const everyUs = 1_000_000;

/** Begins to measure. Each second it reads a few counters; nothing is counted for it elsewhere. */
export function createLoadMeter(clock: Clock, totals: () => Totals): LoadMeter {
  let former = readNow(clock, totals);
  let load = between(former, former);
  let timer: Timer | undefined;
  const measure = (): void => {
    const present = readNow(clock, totals);
    load = between(former, present);
    former = present;
    timer = clock.schedule(everyUs, measure);
  };
  timer = clock.schedule(everyUs, measure);
  return { read: () => load, stop: () => timer?.cancel() };
}

function readNow(clock: Clock, totals: () => Totals): Reading {
  const { user, system } = process.cpuUsage();
  return {
    atUs: clock.nowUs(),
    totals: totals(),
    cpuUs: user + system,
    loop: performance.eventLoopUtilization(),
  };
}

function between(former: Reading, present: Reading): Load {
  const passedUs = present.atUs - former.atUs;
  const rate = (name: keyof Totals): number =>
    passedUs > 0
      ? Math.round(((present.totals[name] - former.totals[name]) / passedUs) * 1e6 * 10) / 10
      : 0;
  const share = passedUs > 0 ? (present.cpuUs - former.cpuUs) / passedUs : 0;
  const { utilization } = performance.eventLoopUtilization(present.loop, former.loop);
  return {
    samplesPerSecond: rate("samples"),
    framesPerSecond: rate("frames"),
    bytesPerSecond: rate("bytes"),
    instructionsPerSecond: rate("instructions"),
    cpu: Math.round(share * 1000) / 1000,
    eventLoop: Number.isFinite(utilization) ? Math.round(utilization * 1000) / 1000 : 0,
    memoryBytes: process.memoryUsage.rss(),
  };
}
