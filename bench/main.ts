/**
 * Runs a benchmark: `npm run bench -- NAME [--json]`; `fleet --flood` beside an agent that floods. Exits 1 if a target is missed, the run is void, or the
 * machine does not allow it.
 */
import { parseArgs } from "node:util";
import { documentOf, exitCodeOf, type Report, tableOf } from "./report/index.ts";

/** What some benchmarks can be told. */
interface Told {
  /** Of `sessions` and `storm`. */
  readonly sessions: number | undefined;
  /** Of `soak`. */
  readonly minutes: number | undefined;
  /** Of `fleet`. */
  readonly flood: boolean;
}

const benches: Readonly<Record<string, (told: Told) => Promise<Report>>> = {
  loop: async () => await (await import("./loop/loop.ts")).loopBench(),
  flood: async () => await (await import("./flood/flood.ts")).floodBench(),
  fleet: async ({ flood }) => await (await import("./fleet/fleet.ts")).fleetBench(flood),
  ingest: async () => await (await import("./ingest/ingest.ts")).ingestBench(),
  rules: async () => await (await import("./rules/rules.ts")).rulesBench(),
  wire: async () => (await import("./wire/wire.ts")).wireBench(),
  priority: async () => await (await import("./priority/priority.ts")).priorityBench(),
  lanes: async () => await (await import("./lanes/lanes.ts")).lanesBench(),
  reload: async () => await (await import("./reload/reload.ts")).reloadBench(),
  start: async () => await (await import("./start/start.ts")).startBench(),
  sessions: async ({ sessions }) =>
    await (await import("./sessions/sessions.ts")).sessionsBench({ sessions }),
  storm: async ({ sessions }) => await (await import("./storm/storm.ts")).stormBench(sessions),
  windows: async () => await (await import("./windows/windows.ts")).windowsBench(),
  soak: async ({ minutes }) => await (await import("./soak/soak.ts")).soakBench(minutes),
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
    flood: { type: "boolean", default: false },
    sessions: { type: "string" },
    minutes: { type: "string" },
  },
});

/** A number that was told, or NaN for what is none above zero. */
function toldNumber(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  return Number(text) > 0 ? Number(text) : Number.NaN;
}

const { flood } = values;
const sessions = toldNumber(values.sessions);
const minutes = toldNumber(values.minutes);
const name = positionals[0] ?? "";
const bench = Object.hasOwn(benches, name) ? benches[name] : undefined;
if (values.help || bench === undefined || Number.isNaN(sessions) || Number.isNaN(minutes)) {
  process.stderr.write(
    `npm run bench -- NAME [--json] [--sessions N] [--minutes N] (fleet --flood: beside an agent that floods)\nNAME is one of: ${Object.keys(benches).join(", ")}\n`,
  );
  process.exitCode = values.help ? 0 : 2;
} else {
  try {
    const report = await bench({ sessions, minutes, flood });
    process.stdout.write(values.json ? documentOf(report) : tableOf(report));
    process.exitCode = exitCodeOf(report);
  } catch (error) {
    process.stderr.write(`bench ${name}: ${error instanceof Error ? error.message : error}\n`);
    process.exitCode = 1;
  }
}
