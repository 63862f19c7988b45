import { constants } from "node:os";
import { MyelinError } from "@myelin/core/errors";
import type { JsonObject, JsonValue } from "@myelin/core/json";
import { parseDuration } from "@myelin/core/clock";
import type { SupervisorLink } from "./link.ts";
import type { Supervisor } from "./supervisor.ts";
import { minCpu } from "./throttle.ts";

/** Longest time between asking a process to end and killing it. */
const maxGraceMs = 3_600_000;

/** Registers every action of a supervisor, with its arguments checked. */
export function handleActions(supervisor: Supervisor, link: SupervisorLink): void {
  const idempotent = { idempotent: true };
  link.on("pause", async () => supervisor.pause(), idempotent);
  link.on("resume", async () => supervisor.resume(), idempotent);
  link.on("throttle", async ({ args }) => supervisor.throttle(cpuOf(args)), idempotent);
  link.on("unthrottle", async () => supervisor.unthrottle(), idempotent);
  link.on("stop", ({ args }) => supervisor.stop(graceOf(args)), idempotent);
  link.on("kill", () => supervisor.kill());
  link.on("restart", ({ args }) => supervisor.restart(graceOf(args), reasonOf(args)));
  link.on("signal", async ({ args }) => supervisor.signal(signalOf(args)));
}

function cpuOf({ cpu }: JsonObject): number {
  if (typeof cpu === "number" && cpu >= minCpu) return cpu;
  throw invalid("cpu", cpu, `a share of one core from ${minCpu}; 1 or more lifts the throttle`);
}

/** Seconds as a number, or a duration such as `500ms`. */
function graceOf({ grace }: JsonObject): number | undefined {
  if (grace === undefined) return undefined;
  const graceMs = typeof grace === "string" ? parseDuration(grace) / 1000 : Number(grace) * 1000;
  if (grace !== null && graceMs >= 0 && graceMs <= maxGraceMs) return graceMs;
  throw invalid("grace", grace, 'seconds, or a duration such as "500ms", of at most 1h');
}

function reasonOf({ reason }: JsonObject): string | undefined {
  if (reason === undefined || typeof reason === "string") return reason;
  throw invalid("reason", reason, "a text");
}

function signalOf({ signal }: JsonObject): NodeJS.Signals {
  if (signal === "SIGKILL" || signal === "SIGSTOP" || signal === "SIGCONT") {
    throw invalid(
      "signal",
      signal,
      "another signal: the actions kill, pause and resume are for these",
    );
  }
  if (typeof signal === "string" && Object.hasOwn(constants.signals, signal)) {
    return signal as NodeJS.Signals;
  }
  throw invalid("signal", signal, 'the name of a signal, such as "SIGUSR1"');
}

function invalid(name: string, value: JsonValue | undefined, form: string): MyelinError {
  const shown = JSON.stringify(value)?.slice(0, 80) ?? "nothing";
  return new MyelinError("INVALID_ARGUMENT", `args.${name} is ${form}; it cannot be ${shown}`);
}
