import type { Engine } from "../engine/index.ts";
import type { Recorder } from "./recorder.ts";

/** The engine, as those see it who tell it what happens. */
export type Told = Pick<
  Engine,
  | "advance"
  | "apply"
  | "event"
  | "instructionEnded"
  | "join"
  | "leave"
  | "metric"
  | "observe"
  | "setAttributes"
  | "setTwin"
  | "startTimeLine"
>;

/** The engine, with all that it is told recorded before it hears of it, since what it decides may tell it more. */
export function tellRecorded(engine: Told, recorder: Recorder): Told {
  const oneMetric = new Int32Array(1);
  const oneValue = new Float64Array(1);
  const oneTime = new Float64Array(1);
  return {
    metric: (name) => {
      const index = engine.metric(name);
      recorder.metric(index, name);
      return index;
    },
    join: (attributes, atUs) => {
      const slot = engine.join(attributes, atUs);
      recorder.joined(slot, attributes, atUs);
      return slot;
    },
    leave: (slot, atUs) => {
      recorder.left(slot, atUs);
      engine.leave(slot, atUs);
    },
    setAttributes: (slot, attributes, atUs) => {
      recorder.attributes(slot, attributes, atUs);
      engine.setAttributes(slot, attributes, atUs);
    },
    startTimeLine: (slot, part, name) => {
      engine.startTimeLine(slot, part, name);
      recorder.line(slot, part, name);
    },
    apply: (slot, part, count, metrics, values, timesUs, nowUs) => {
      recorder.samples(slot, part, count, metrics, values, timesUs, nowUs);
      engine.apply(slot, part, count, metrics, values, timesUs, nowUs);
    },
    observe: (slot, part, metric, value, atUs, nowUs) => {
      oneMetric[0] = metric;
      oneValue[0] = value;
      oneTime[0] = Math.round(atUs);
      recorder.samples(slot, part, 1, oneMetric, oneValue, oneTime, nowUs);
      engine.observe(slot, part, metric, value, atUs, nowUs);
    },
    event: (slot, part, event, atUs, nowUs) => {
      recorder.event(slot, part, event, atUs, nowUs);
      engine.event(slot, part, event, atUs, nowUs);
    },
    setTwin: (slot, twin, fields, part, atUs, nowUs) => {
      recorder.twin(slot, twin, fields, part, atUs, nowUs);
      engine.setTwin(slot, twin, fields, part, atUs, nowUs);
    },
    instructionEnded: (rule, slot, end) => {
      recorder.ended(slot, rule, end);
      engine.instructionEnded(rule, slot, end);
    },
    advance: (nowUs) => {
      recorder.timers(nowUs);
      engine.advance(nowUs);
    },
  };
}
