/** Tells the judge what a run's engine takes of what it is given: which samples and events are not late, nor too far ahead. */
import type { Arc } from "../../../packages/node/src/arc.ts";
import type { Clock } from "@myelin/core/clock";
import type { Judge } from "../checks/judge.ts";
import { markOf } from "../checks/windows.ts";

const partNames = ["app", "supervisor"];
const partsPerAgent = 64;

export function hearWindows(
  { engine, registry }: Pick<Arc, "engine" | "registry">,
  run: number,
  clock: Pick<Clock, "nowUs">,
  { windows }: Pick<Judge, "windows">,
): void {
  const newestUs = newestOf(engine);
  const numbers = new Set(partNames.map((part) => engine.metric(`reports_${part}`)));
  const marks = new Map(partNames.map((part) => [engine.metric(`mark_${part}`), part]));
  const apply = engine.apply.bind(engine);
  engine.apply = (...given) => {
    const [slot, index, count, metrics, values, timesUs, nowUs] = given;
    const agent = registry.bySlot(slot)?.id;
    const line = slot * partsPerAgent + index;
    const fromUs = newestUs.get(line) ?? Number.NEGATIVE_INFINITY;
    const atUs = clock.nowUs();
    let number = Number.NaN;
    for (let at = 0; at < count; at++) {
      const timeUs = timesUs[at] ?? Number.NaN;
      if (!(timeUs >= fromUs && timeUs <= nowUs + engine.futureToleranceUs)) continue;
      newestUs.set(line, timeUs);
      const metric = metrics[at] ?? -1;
      if (numbers.has(metric)) number = values[at] ?? Number.NaN;
      const part = marks.get(metric);
      if (part === undefined || agent === undefined) continue;
      const mark = values[at] ?? 0;
      // Of a report whose number was dropped it is not known which of those with its mark it is.
      const known = markOf(number) === mark ? number : Math.log2(mark);
      windows.taken(agent, `mark_${part}`, { number: known, run, timeUs, atUs });
    }
    apply(...given);
  };
  hearEvents({ engine, registry }, run, clock, { windows });
}

function hearEvents(
  { engine, registry }: Pick<Arc, "engine" | "registry">,
  run: number,
  clock: Pick<Clock, "nowUs">,
  { windows }: Pick<Judge, "windows">,
): void {
  const { counters } = engine;
  const event = engine.event.bind(engine);
  engine.event = (...given) => {
    const [slot, part, { attrs }, timeUs] = given;
    const agent = registry.bySlot(slot)?.id;
    const refused = counters.late + counters.future;
    const number = Number(attrs["reports"]) * partsPerAgent + part;
    // Its rule tells the window while it is applied.
    const taken = { number, run, timeUs: Math.round(timeUs), atUs: clock.nowUs() };
    if (agent !== undefined) windows.taken(agent, "events", taken);
    event(...given);
    if (agent !== undefined && counters.late + counters.future > refused)
      windows.untaken(agent, "events", taken);
  };
}

/** By agent's slot and part, the newest instant that was applied; what is older is late. */
function newestOf(engine: Arc["engine"]): Map<number, number> {
  const newestUs = new Map<number, number>();
  const startTimeLine = engine.startTimeLine.bind(engine);
  engine.startTimeLine = (slot, part, name) => {
    if (engine.timeLine(slot, part) !== name) newestUs.delete(slot * partsPerAgent + part);
    startTimeLine(slot, part, name);
  };
  const appliedBefore = engine.appliedBefore.bind(engine);
  engine.appliedBefore = (slot, part, untilUs) => {
    const line = slot * partsPerAgent + part;
    newestUs.set(line, Math.max(newestUs.get(line) ?? Number.NEGATIVE_INFINITY, untilUs));
    appliedBefore(slot, part, untilUs);
  };
  const leave = engine.leave.bind(engine);
  engine.leave = (slot, atUs) => {
    for (let part = 0; part < partsPerAgent; part++) newestUs.delete(slot * partsPerAgent + part);
    leave(slot, atUs);
  };
  return newestUs;
}
