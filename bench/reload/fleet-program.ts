/**
 * Many agents that live: each reports its metrics from time to time. In a process of its own; it says
 * when all are there and have reported, and how late its reports were since then when it is asked.
 */
import process from "node:process";
import { Histogram } from "@myelin/core/statistics";
import { PrebuiltFrame } from "../load/prebuilt-frame.ts";
import { epochUs, RawAgent } from "../load/raw-agent.ts";
import { agents, metrics, reportEveryMs } from "./rules.ts";

/** Connections that are opened at a time. */
const joinAtOnce = 100;
const stepMs = 1;

const url = process.argv[2] ?? "";
const ids = Uint32Array.from({ length: metrics }, (_, at) => at + 1);
const all = Array.from({ length: agents }, () => undefined as RawAgent | undefined);

/** Half of the fleet reports what fires the rules that fire. */
function frame(values: Float64Array, isFirst: boolean): PrebuiltFrame {
  return new PrebuiltFrame((writer, timeUs) => {
    writer.header(timeUs, 0);
    writer.samples({
      names: isFirst ? [...ids].map((id) => ({ id, name: `m${id - 1}` })) : [],
      baseTimeUs: timeUs,
      metrics: ids,
      values,
      offsetsUs: undefined,
      count: metrics,
    });
  });
}

const [low, high] = [0.4, 0.6].map((value) => new Float64Array(metrics).fill(value));
const frames = [low, high].map((values) => ({
  first: frame(values as Float64Array, true),
  next: frame(values as Float64Array, false),
}));
const buffer = Buffer.alloc(4096);

function report(at: number, isFirst: boolean): void {
  const agent = all[at];
  const built = frames[at % 2];
  if (agent === undefined || built === undefined) return;
  const end = (isFirst ? built.first : built.next).copyTo(buffer, 0, epochUs());
  agent.socket.write(Buffer.from(buffer.subarray(0, end)));
}

async function join(at: number): Promise<void> {
  const agent = new RawAgent(url, `agent-${at}`, () => undefined);
  await agent.join("measure");
  all[at] = agent;
  report(at, true);
}

for (let at = 0; at < agents; at += joinAtOnce)
  await Promise.all(
    Array.from({ length: Math.min(joinAtOnce, agents - at) }, (_, of) => join(at + of)),
  );

let next = 0;
const lateUs = new Histogram();
const began = performance.now();
setInterval(() => {
  const atMs = performance.now() - began;
  const due = (atMs * agents) / reportEveryMs;
  while (next < due) {
    // A step is how late a report is on purpose.
    const lateMs = atMs - (next * reportEveryMs) / agents - stepMs;
    lateUs.record(Math.max(0, lateMs * 1e3));
    report(next++ % agents, false);
  }
}, stepMs);
process.on("message", () => process.send?.(lateUs.percentile(99.9)));
process.on("disconnect", () => process.exit(0));
process.send?.("ready");
