/** What an expression reads of one agent at an instant, and of the others: made anew from all that came. */
import type { Agent, Kept } from "./agent.ts";
import type { OracleSettings } from "./history.ts";
import { type World, sampleValue } from "./interpret.ts";
import { overWindow, sketched, sum } from "./series.ts";
import type { Value } from "./values.ts";

/** What the node knows besides the agent that is asked about. */
export interface Surroundings {
  readonly agents: Iterable<Agent>;
  readonly settings: OracleSettings;
  /** What came before this number is in no window of that name: no rule read it then. */
  readonly windowsFrom: ReadonlyMap<string, number>;
  readonly restartedUs: number;
}

/** An event at its own evaluation. */
export interface PresentEvent {
  readonly type: string;
  readonly attrs: Value;
}

/** The world as the rules see it for `agent` at `atUs`. */
export function worldOf(
  agent: Agent,
  atUs: number,
  event: PresentEvent | undefined,
  around: Surroundings,
): World {
  return {
    latest: (metric) => sampleValue(agent.series.get(metric)?.value),
    attribute: (name) =>
      name === "uptime" ? (atUs - agent.joinedUs) / 1e6 : Reflect.get(agent.attributes, name),
    twin: () => agent.twin,
    event: () => event,
    window: (name, metric, widthUs, quantile) => {
      const all = since(agent.series.get(metric)?.points ?? [], `${metric} ${widthUs}`, around);
      const { points, isBucketed } = samplesIn(all, widthUs, atUs, around);
      const isSketched = isBucketed && name === "quantile_over_time";
      return sampleValue(overWindow(name, isSketched ? points.map(sketched) : points, quantile));
    },
    age: (metric) => {
      const lastUs = agent.series.get(metric)?.atUs;
      return lastUs === undefined ? undefined : (atUs - Math.max(lastUs, around.restartedUs)) / 1e6;
    },
    isAbsent: (metric, afterUs) => atUs >= silentSinceUs(agent, metric, around) + afterUs,
    countEvents: (type, widthUs) =>
      samplesIn(
        since(agent.events, `event ${type} ${widthUs}`, around).filter(
          (kept) => kept.type === type,
        ),
        widthUs,
        atUs,
        around,
      ).points.length,
    fleet: (name, metric, label) => overFleet(name, metric, label, agent, atUs, around),
  };
}

/** From when on `absent` counts: the last sample, the agent's joining, or the node's restart. */
export function silentSinceUs(agent: Agent, metric: string, around: Surroundings): number {
  const lastUs = agent.series.get(metric)?.atUs ?? Number.NEGATIVE_INFINITY;
  return Math.max(lastUs, agent.joinedUs, around.restartedUs);
}

function since<Item extends Kept>(
  all: readonly Item[],
  window: string,
  { windowsFrom }: Surroundings,
): readonly Item[] {
  const from = windowsFrom.get(window) ?? Number.POSITIVE_INFINITY;
  return all.filter(({ number }) => number >= from);
}

/** The samples of a window, and whether they are taken together in buckets. */
interface InWindow {
  readonly points: readonly Kept[];
  readonly isBucketed: boolean;
}

/** The samples of (t − w, t]; of a window that holds more than may be, those of each bucket that reaches into it. */
function samplesIn(
  points: readonly Kept[],
  widthUs: number,
  atUs: number,
  { settings }: Surroundings,
): InWindow {
  const known = points.filter((point) => point.atUs <= atUs && !Number.isNaN(point.value));
  const oldest = atUs - widthUs;
  const inside = known.filter((point) => point.atUs > oldest);
  if (inside.length <= settings.windowSamples) return { points: inside, isBucketed: false };
  // Buckets are (k·g, (k + 1)·g], g = w/256; one is in the window until it has left wholly.
  const endOf = (instantUs: number): bigint =>
    (BigInt(instantUs) * 256n + BigInt(widthUs) - 1n) / BigInt(widthUs);
  const left = (BigInt(oldest) * 256n) / BigInt(widthUs);
  return { points: known.filter((point) => endOf(point.atUs) > left), isBucketed: true };
}

function overFleet(
  name: string,
  metric: string,
  label: string | undefined,
  asking: Agent,
  atUs: number,
  { agents, settings }: Surroundings,
): number | undefined {
  const group = label === undefined ? undefined : asking.attributes.labels[label];
  if (label !== undefined && group === undefined) return undefined;
  const values = [...agents].flatMap((agent) => {
    const series = agent.series.get(metric);
    const isInGroup = label === undefined || agent.attributes.labels[label] === group;
    if (!isInGroup || series === undefined || Number.isNaN(series.value)) return [];
    return series.atUs >= atUs - settings.staleAfterUs ? [series.value] : [];
  });
  if (name === "count") return values.length;
  if (values.length === 0) return undefined;
  if (name === "min") return Math.min(...values);
  if (name === "max") return Math.max(...values);
  const total = sum(values);
  return name === "avg" && total !== undefined ? total / values.length : total;
}
