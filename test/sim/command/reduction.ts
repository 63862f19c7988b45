/** How a reduced run is written on the command line, and read from there. */
import { type FaultName, faultNames, type Reduction } from "../scenario.ts";

/** The command that replays a run, with all that happens in it. */
export function replayOf(seed: number, { agents, faults, faultsForUs }: Reduction = {}): string {
  const parts = [`npm run sim -- --seed ${seed}`];
  if (agents !== undefined) parts.push(`--agents ${agents}`);
  if (faultsForUs !== undefined) parts.push(`--for ${faultsForUs / 1e6}s`);
  if (faults !== undefined)
    parts.push(`--faults ${faults.length === 0 ? "none" : faults.join(",")}`);
  return [...parts, "--trace"].join(" ");
}

/** What was written of a reduced run; a string says what is wrong with it. */
export function reductionOf(written: {
  readonly agents?: string | undefined;
  readonly for?: string | undefined;
  readonly faults?: string | undefined;
}): Reduction | string {
  const agents = written.agents === undefined ? undefined : Number(written.agents);
  if (agents !== undefined && !(Number.isInteger(agents) && agents >= 1 && agents <= 1000))
    return "--agents takes a whole number from 1 to 1000";
  const seconds = /^(\d+(?:\.\d+)?)s?$/.exec(written.for ?? "")?.[1];
  if (written.for !== undefined && seconds === undefined)
    return "--for takes seconds, such as 7.5s";
  const faults = written.faults === "none" ? [] : written.faults?.split(",");
  const unknown = faults?.find((fault) => !isFault(fault));
  if (unknown !== undefined)
    return `--faults: no fault ${JSON.stringify(unknown)}; there are ${faultNames.join(", ")}`;
  return {
    ...(agents === undefined ? {} : { agents }),
    ...(seconds === undefined ? {} : { faultsForUs: Math.round(Number(seconds) * 1e6) }),
    ...(faults === undefined ? {} : { faults }),
  };
}

function isFault(written: string): boolean {
  const [, name, number] = /^([a-z-]+)(#[1-9]\d*)?$/.exec(written) ?? [];
  return name !== undefined && faultNames.includes(name as FaultName) && number !== "#0";
}
