/**
 * Runs a benchmark: `npm run bench -- NAME [--json]`; `fleet --flood` beside an agent that floods. Exits 1 if a target is missed or the run is void.
 */
import { parseArgs } from "node:util";
import { documentOf, exitCodeOf, type Report, tableOf } from "./report/index.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: "boolean", default: false },
    flood: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

const benches: Readonly<Record<string, () => Promise<Report>>> = {
  loop: async () => await (await import("./loop/loop.ts")).loopBench(),
  flood: async () => await (await import("./flood/flood.ts")).floodBench(),
  fleet: async () => await (await import("./fleet/fleet.ts")).fleetBench(values.flood),
  ingest: async () => await (await import("./ingest/ingest.ts")).ingestBench(),
  wire: async () => (await import("./wire/wire.ts")).wireBench(),
  priority: async () => await (await import("./priority/priority.ts")).priorityBench(),
  reload: async () => await (await import("./reload/reload.ts")).reloadBench(),
  start: async () => await (await import("./start/start.ts")).startBench(),
};

const name = positionals[0] ?? "";
const bench = Object.hasOwn(benches, name) ? benches[name] : undefined;
if (values.help || bench === undefined) {
  process.stderr.write(
    `npm run bench -- NAME [--json] (fleet --flood: beside an agent that floods)\nNAME is one of: ${Object.keys(benches).join(", ")}\n`,
  );
  process.exitCode = values.help ? 0 : 2;
} else {
  const report = await bench();
  process.stdout.write(values.json ? documentOf(report) : tableOf(report));
  process.exitCode = exitCodeOf(report);
}
