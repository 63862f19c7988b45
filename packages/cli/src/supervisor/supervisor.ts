/**
 * Supervises one command as a part of an agent: starts it, measures it, acts on it as instructed, and
 * brings it back when it crashes.
 *
 * 1. At most one life of the command exists at a time: the next starts when nothing of the last runs.
 * 2. All of the state is one value, changed by `#setState` alone, which tells the twin and the node.
 * 3. A restart begins unpaused and unthrottled.
 * 4. What the supervisor started ends with it, also after `kill -9` (guardian.ts).
 */
import { randomUUID } from "node:crypto";
import type { StdioOptions } from "node:child_process";
import { MyelinError } from "@myelin/core/errors";
import type { JsonObject } from "@myelin/core/json";
import { ChildRun, type RunOutcome } from "./child-run.ts";
import { Guardian, markedEnvironment } from "./guardian.ts";
import type { HeldState, SupervisorLink } from "./link.ts";
import { defaultRestartOptions, RestartJudge, type RestartOptions } from "./restart-policy.ts";
import {
  type ActiveState,
  type AfterStop,
  describeProcess,
  exitOf,
  heldStateOf,
  isActive,
  type SupervisorOutcome,
  type SupervisorState,
  throttleOf,
} from "./state.ts";
import { startThrottle } from "./start-throttle.ts";
import type { ThrottleMode } from "./throttle.ts";
import { UsageReporter } from "./usage-reporter.ts";

const vouchIntervalMs = 500;
const excusedAtStartMs = 3000;

export interface SupervisorOptions {
  /** The program and its arguments. */
  readonly command: readonly [string, ...string[]];
  readonly link: SupervisorLink;
  /** The child's environment; that of this process by default. */
  readonly environment?: NodeJS.ProcessEnv;
  readonly workingDirectory?: string;
  /** The child's streams; `inherit` by default, so that its output is this process's output. */
  readonly stdio?: StdioOptions;
  /** The part that the child joins as; `app` by default. */
  readonly part?: string;
  /** Samples a second; 20 by default. */
  readonly sampleRateHz?: number;
  readonly restart?: Partial<RestartOptions>;
  /** Time between asking the child to end and killing it; 5 s by default. */
  readonly graceMs?: number;
  /** Ways to throttle, tried in this order. */
  readonly throttleModes?: readonly ThrottleMode[];
  /** What it runs on; what only Linux can be asked for is refused elsewhere. */
  readonly platform?: NodeJS.Platform;
}

export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #link: SupervisorLink;
  readonly #judge: RestartJudge;
  readonly #ended: PromiseWithResolvers<SupervisorOutcome> = Promise.withResolvers();
  readonly #mark: string = randomUUID();
  readonly #reporter: UsageReporter;
  readonly #guardian: Guardian | undefined;
  readonly #vouching: NodeJS.Timeout;
  #state: SupervisorState = { kind: "starting" };
  #starts = 0;
  #lastExit: RunOutcome | undefined;
  #vouched: HeldState | undefined;
  #excusedUntilMs = 0;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#link = options.link;
    this.#judge = new RestartJudge({ ...defaultRestartOptions, ...options.restart });
    this.#reporter = new UsageReporter(options.link, options.sampleRateHz ?? 20);
    // A node that was restarted, or heard another incarnation's hello since, is told again.
    this.#vouching = setInterval(() => this.#vouch(), vouchIntervalMs);
    this.#guardian = this.#platform === "win32" ? undefined : new Guardian(this.#mark);
  }

  /** Settles when the supervisor is done: the child ended for good, or it was told to leave. */
  get ended(): Promise<SupervisorOutcome> {
    return this.#ended.promise;
  }

  get state(): SupervisorState["kind"] {
    return this.#state.kind;
  }

  /** Pid of the child, while there is one. */
  get pid(): number | undefined {
    return "run" in this.#state ? this.#state.run.pid : undefined;
  }

  get #platform(): NodeJS.Platform {
    return this.#options.platform ?? process.platform;
  }

  get graceMs(): number {
    return this.#options.graceMs ?? 5000;
  }

  /** Starts the command for the first time. */
  start(): void {
    if (this.#state.kind === "starting") this.#start();
  }

  /** Stops all processes of the tree where they stand. */
  pause(): JsonObject {
    const state = this.#active("pause");
    if (state.kind !== "paused") {
      const throttle = throttleOf(state);
      throttle?.hold();
      state.run.control.signalAll("SIGSTOP");
      this.#setState({ kind: "paused", run: state.run, throttle });
    }
    return this.#summary();
  }

  /** Lets a paused tree go on; a throttle from before is in force again. */
  resume(): JsonObject {
    const state = this.#active("resume");
    if (state.kind === "paused") {
      const { run, throttle } = state;
      run.control.signalAll("SIGCONT");
      throttle?.release();
      this.#excusedUntilMs = 0;
      this.#setState(
        throttle === undefined ? { kind: "running", run } : { kind: "throttled", run, throttle },
      );
    }
    return this.#summary();
  }

  /** Holds the tree to a share of one core; 1 or more lifts the throttle. */
  throttle(cpu: number): JsonObject {
    const state = this.#active("throttle");
    if (cpu >= 1) return this.#unthrottle(state);
    const { run } = state;
    if (run.sampler === undefined) {
      throw new MyelinError(
        "UNSUPPORTED_PLATFORM",
        `processes cannot be throttled on ${this.#platform}`,
        { hint: "Run on Linux, or pause and resume the process." },
      );
    }
    const target = { control: run.control, sampler: run.sampler };
    const throttle = throttleOf(state) ?? startThrottle(target, cpu, this.#options.throttleModes);
    throttle.setCpu(cpu);
    if (state.kind === "paused") throttle.hold();
    this.#guardian?.watch(run.pid, throttle.folder === undefined ? [] : [throttle.folder]);
    this.#setState({ kind: state.kind === "paused" ? "paused" : "throttled", run, throttle });
    return this.#summary();
  }

  unthrottle(): JsonObject {
    return this.#unthrottle(this.#active("unthrottle"));
  }

  /** Ends the tree and stays without one, ready to restart it. */
  async stop(graceMs: number = this.graceMs): Promise<JsonObject> {
    const previousPid = this.pid ?? null;
    if (this.#state.kind === "backoff") {
      clearTimeout(this.#state.timer);
      this.#setState({ kind: "stopped" });
    } else if (this.#state.kind !== "stopped") await this.#stopping("stop", "stay", graceMs);
    return { ...this.#summary(), previousPid, exit: exitOf(this.#lastExit) };
  }

  /** Kills the tree at once. That counts as a crash, so the restart policy may bring it back. */
  async kill(): Promise<JsonObject> {
    const previousPid = this.pid ?? null;
    await this.#stopping("kill", "judge", "kill");
    return { ...this.#summary(), previousPid, exit: exitOf(this.#lastExit) };
  }

  /** Ends the tree and starts the command again; starts it at once when it is stopped or in backoff. */
  async restart(graceMs: number = this.graceMs, reason = "instruction"): Promise<JsonObject> {
    const previousPid = this.pid ?? null;
    this.#judge.reset();
    this.#link.event("process_restarting", { delayMs: 0, reason });
    if (this.#state.kind === "stopped") this.#start();
    else if (this.#state.kind === "backoff") {
      clearTimeout(this.#state.timer);
      this.#start();
    } else await this.#stopping("restart", "start", graceMs);
    return { ...this.#summary(), previousPid };
  }

  /** Sends a signal to the child's first process. */
  signal(signal: NodeJS.Signals): JsonObject {
    const { run } = this.#active("signal");
    if (!run.control.signalRoot(signal))
      throw new MyelinError("CONFLICT", "the process has just ended");
    return { ...this.#summary(), signal };
  }

  /** Ends the child and then the supervisor; called again, at once. */
  shutdown(graceMs: number = this.graceMs): void {
    if (this.#state.kind === "backoff") clearTimeout(this.#state.timer);
    if (isActive(this.#state) || this.#state.kind === "stopping") {
      this.#beginStop(this.#state, "leave", this.#state.kind === "stopping" ? "kill" : graceMs);
    } else if (this.#state.kind !== "exited")
      this.#exit(this.#lastExit ?? { code: 0, signal: null });
  }

  #unthrottle(state: ActiveState): JsonObject {
    const { run } = state;
    throttleOf(state)?.lift();
    this.#guardian?.watch(run.pid);
    this.#excusedUntilMs = 0;
    if (state.kind === "paused") this.#setState({ kind: "paused", run, throttle: undefined });
    else this.#setState({ kind: "running", run });
    return this.#summary();
  }

  #active(action: string): ActiveState {
    if (isActive(this.#state)) return this.#state;
    throw new MyelinError(
      "CONFLICT",
      `${action} needs a running process, and this is ${this.#state.kind}`,
    );
  }

  async #stopping(action: string, next: AfterStop, graceMs: number | "kill"): Promise<void> {
    const state = this.#state.kind === "stopping" ? this.#state : this.#active(action);
    this.#beginStop(state, next, graceMs);
    await state.run.ended;
    if (next === "start" && !isActive(this.#state)) {
      throw new MyelinError("CONFLICT", `the ${action} gave way to another instruction`);
    }
  }

  #beginStop(
    state: Extract<SupervisorState, { run: ChildRun }>,
    next: AfterStop,
    graceMs: number | "kill",
  ): void {
    const { run } = state;
    throttleOf(state)?.lift();
    // Leaving is final, and a kill only hastens what was begun before it.
    const isSettled = state.kind === "stopping" && (state.next === "leave" || graceMs === "kill");
    const isLeaving = next === "leave";
    this.#setState({ kind: "stopping", run, next: isSettled && !isLeaving ? state.next : next });
    if (graceMs === "kill") run.kill();
    else run.end(graceMs);
  }

  #start(): void {
    const run = new ChildRun({
      command: this.#options.command,
      environment: markedEnvironment(this.#options.environment ?? process.env, this.#mark),
      stdio: this.#options.stdio ?? "inherit",
      mark: this.#mark,
      platform: this.#platform,
      graceMs: this.graceMs,
      ...(this.#options.workingDirectory === undefined
        ? {}
        : { workingDirectory: this.#options.workingDirectory }),
    });
    this.#guardian?.watch(run.pid);
    this.#starts++;
    void run.ended.then((outcome) => this.#onEnded(run, outcome));
    this.#excusedUntilMs = performance.now() + excusedAtStartMs;
    this.#setState({ kind: "running", run });
    if (run.pid === undefined) return;
    this.#link.event("process_started", { pid: run.pid, restarts: this.#restarts });
    this.#reporter.watch(run.sampler);
  }

  #onEnded(run: ChildRun, outcome: RunOutcome): void {
    const state = this.#state;
    throttleOf(state)?.lift();
    run.close();
    this.#reporter.unwatch();
    this.#guardian?.watch(undefined);
    this.#lastExit = outcome;
    const ranMs = Date.now() - run.startedAtMs;
    this.#link.event("process_exited", { pid: run.pid ?? null, ...exitOf(outcome), ranMs });
    const next = state.kind === "stopping" ? state.next : "judge";
    if (next === "start") this.#start();
    else if (next === "stay") this.#setState({ kind: "stopped" });
    else if (next === "leave") this.#exit(outcome);
    else this.#judgeExit(outcome, ranMs);
  }

  #judgeExit(outcome: RunOutcome, ranMs: number): void {
    // A command that never ran is a mistake in the command line; one that did may be there again soon.
    if (outcome.startError !== undefined && this.#starts === 1) {
      this.#exit({ code: outcome.code, signal: null, error: outcome.startError });
      return;
    }
    const decision = this.#judge.decide(outcome, ranMs);
    if (decision.kind === "restart") {
      const { delayMs, attempt } = decision;
      const timer = setTimeout(() => this.#start(), delayMs);
      this.#link.event("process_restarting", { delayMs, attempt, reason: "crash" });
      this.#setState({ kind: "backoff", delayMs, timer });
      return;
    }
    if (decision.reason === "max-restarts")
      this.#link.event("process_given_up", { restarts: this.#restarts });
    this.#exit(outcome);
  }

  #exit(outcome: SupervisorOutcome): void {
    this.#reporter.close();
    clearInterval(this.#vouching);
    this.#guardian?.close();
    this.#setState({ kind: "exited", outcome });
    this.#ended.resolve(outcome);
  }

  #setState(state: SupervisorState): void {
    this.#state = state;
    this.#link.patchState({ process: this.#summary() });
    this.#vouch();
  }

  /**
   * Vouches for the part. A part that was just started stays excused a while, or its silence would
   * be taken for that of the last incarnation; the node counts the new one as running at its hello.
   */
  #vouch(): void {
    const held = heldStateOf(this.#state);
    const isExcused = held === "running" && performance.now() < this.#excusedUntilMs;
    if (isExcused || (held === "running" && this.#vouched === held)) return;
    this.#vouched = held;
    this.#link.vouch(this.#options.part ?? "app", held);
  }

  #summary(): JsonObject {
    return describeProcess(this.#state, {
      command: this.#options.command.join(" "),
      restarts: this.#restarts,
      exit: exitOf(this.#lastExit),
    });
  }

  get #restarts(): number {
    return Math.max(0, this.#starts - 1);
  }
}
