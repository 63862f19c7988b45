import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import { type Finding, fail, ok, warn } from "./finding.ts";

const lookMs = 250;
const maxDriftMs = 5;
/** Myelin did not exist before. */
const earliestMs = Date.UTC(2026, 0, 1);
const mend =
  "Run one time service (chrony, systemd-timesyncd) and have it slew, not step, once it is set.";

/** Whether the clock runs evenly, and whether something keeps it right. */
export async function clockFindings(): Promise<Finding[]> {
  const wallMs = Date.now();
  const steadyMs = performance.now();
  await delay(lookMs);
  const driftMs = Date.now() - wallMs - (performance.now() - steadyMs);
  return [runningFinding(wallMs, driftMs), synchronizedFinding(await isSynchronized())];
}

/** Judges what the clock says, and how far it moved against one that cannot be set. */
export function runningFinding(wallMs: number, driftMs: number): Finding {
  if (wallMs < earliestMs)
    return fail("clock", `it says ${new Date(wallMs).toISOString()}`, "Set the machine's clock.");
  if (Math.abs(driftMs) <= maxDriftMs)
    return ok("clock", `runs evenly (${driftMs.toFixed(1)} ms in ${lookMs} ms)`);
  return warn("clock", `it was moved by ${driftMs.toFixed(1)} ms while looked at`, mend);
}

/** Judges what the system says of synchronization; undefined where it says nothing. */
export function synchronizedFinding(isInStep: boolean | undefined): Finding {
  if (isInStep === true) return ok("clock source", "synchronized");
  const message =
    isInStep === false ? "not synchronized" : "this system does not say whether it is synchronized";
  return warn("clock source", message, mend);
}

async function isSynchronized(): Promise<boolean | undefined> {
  if (process.platform !== "linux") return undefined;
  if (existsSync("/run/systemd/timesync/synchronized")) return true;
  const said = await new Promise<string>((resolve) => {
    const args = ["show", "--property=NTPSynchronized", "--value"];
    execFile("timedatectl", args, { timeout: 2000 }, (_, stdout) => resolve(stdout.trim()));
  });
  return said === "" ? undefined : said === "yes";
}
