import { MyelinError } from "@myelin/core/errors";
import type { JsonObject } from "@myelin/core/json";
import type { PartStateName } from "@myelin/core/wire";
import { type AgentStatus, Connection, Outbox, Vouches } from "./connection/index.ts";
import {
  type Handler,
  type HandlerOptions,
  Handlers,
  Instructions,
  OutcomeStore,
} from "./instructions/index.ts";
import { Confirmations } from "./confirmations.ts";
import { Metric } from "./metric.ts";
import { type AgentOptions, platformEnvironment, resolveOptions } from "./options.ts";
import type { ReportOptions } from "./report-options.ts";
import type { AgentStatistics } from "./statistics.ts";
import { Telemetry } from "./telemetry/index.ts";
import { AgentClock, NodeTime } from "./time/index.ts";

/** How long `close` waits for what is under way. */
const closeWithinUs = 1e6;
const maxEventTypeLength = 128;

/** Until when to wait for the first welcome. */
export interface ConnectOptions {
  /** Gives up when it is aborted, with its reason. */
  readonly signal?: AbortSignal;
  /** Gives up after this, in milliseconds; never by default. */
  readonly timeoutMs?: number;
}

/** The state that an agent reports of itself; its node keeps it as part of the agent's twin. */
export interface AgentState {
  /** The present state; not to be changed. */
  get(): JsonObject;
  /** Replaces the state. @throws MyelinError INVALID_ARGUMENT, PAYLOAD_TOO_LARGE above 256 KiB */
  set(state: object): void;
  /** Merges a patch into it (RFC 7396: null removes a field). @throws MyelinError INVALID_ARGUMENT, PAYLOAD_TOO_LARGE */
  patch(patch: object): void;
}

/**
 * One part of an agent, attached to its node. What it reports leaves at the end of the turn of the
 * loop, in one frame. While the node is away it is kept, up to a bound, oldest out first.
 *
 * @example
 * const agent = await connect({ id: "w1", type: "worker" });
 * agent.on("restart", async () => ({ restarted: true }));
 * agent.report({ cpu_usage: 0.93 });
 */
export class Agent {
  /** The state that the agent reports of itself. */
  readonly state: AgentState;

  readonly #clock: AgentClock;
  readonly #nodeTime: NodeTime;
  readonly #telemetry: Telemetry;
  readonly #outbox: Outbox;
  readonly #handlers = new Handlers();
  readonly #instructions: Instructions;
  readonly #vouches = new Vouches();
  readonly #connection: Connection;
  readonly #confirmations: Confirmations;
  readonly #id: string;
  readonly #part: string;
  #closed: Promise<void> | undefined;

  /** @throws MyelinError INVALID_ARGUMENT */
  constructor(options: AgentOptions = {}) {
    const { identity, ...resolved } = resolveOptions(options, platformEnvironment());
    const { clock: baseClock, wallUs, bufferBytes, highWaterBytes } = resolved;
    this.#id = identity.id;
    this.#part = identity.part;
    const clock = new AgentClock({ clock: baseClock, wallUs, name: identity.incarnation });
    const nodeTime = new NodeTime(() => clock.nowUs());
    const telemetry = new Telemetry({
      bufferBytes,
      nowUs: () => clock.nowUs(),
      onReport: () => this.#outbox.requestFlush(),
      onBatch: () => this.#outbox.pump(),
    });
    const outbox = new Outbox({
      clock,
      telemetry,
      highWaterBytes,
      onPressure: () => this.#connection.askConfirmation(),
    });
    const outcomes = new OutcomeStore(resolved.maxOutcomes);
    const instructions = new Instructions({
      clock,
      nodeTime,
      handlers: this.#handlers,
      outcomes,
      acknowledge: (acknowledgement) => {
        if (!this.#connection.isLive) return;
        outbox.control.acknowledgement(acknowledgement);
        outbox.requestFlush();
      },
    });
    this.#confirmations = new Confirmations(telemetry.buffer);
    this.#connection = new Connection({
      ...resolved,
      identity,
      connectTimeoutUs: resolved.connectTimeoutMs * 1e3,
      clock,
      nodeTime,
      telemetry,
      outbox,
      handlers: this.#handlers,
      instructions,
      outcomes,
      onConfirmed: () => this.#confirmations.check(),
    });
    this.#connection.status.listen((status) => this.#onOwnStatus(status));
    this.#clock = clock;
    this.#nodeTime = nodeTime;
    this.#telemetry = telemetry;
    this.#outbox = outbox;
    this.#instructions = instructions;
    this.state = {
      get: () => telemetry.state,
      set: (state) => telemetry.setState(state),
      patch: (patch) => telemetry.patchState(patch),
    };
  }

  /** Unique in the fleet. */
  get id(): string {
    return this.#id;
  }

  /** Which program of the agent this is. */
  get part(): string {
    return this.#part;
  }

  /** Where the connection stands. */
  get status(): AgentStatus {
    return this.#connection.status.status;
  }

  /** Calls `listener` at each change of the status, until the returned function is called. */
  onStatus(listener: (status: AgentStatus) => void): () => void {
    return this.#connection.status.listen(listener);
  }

  /** Figures of this agent since it was made. */
  get statistics(): AgentStatistics {
    const { droppedSamples, droppedEvents, sizeBytes } = this.#telemetry;
    const { rttUs, offsetUs } = this.#nodeTime;
    return {
      droppedSamples,
      droppedEvents,
      bufferedBytes: sizeBytes,
      reconnects: this.#connection.reconnects,
      runningInstructions: this.#instructions.runningCount,
      rttUs: Number.isNaN(rttUs) ? undefined : rttUs,
      offsetUs,
    };
  }

  /**
   * Begins to connect, and resolves at the first welcome. A node that cannot be reached yet is waited for.
   * @throws MyelinError UNAUTHENTICATED, PERMISSION_DENIED, UNSUPPORTED_VERSION, TAKEN_OVER or
   * INVALID_ARGUMENT when the node refuses for good, CANCELED when the agent is closed meanwhile, TIMEOUT
   */
  connect(options: ConnectOptions = {}): Promise<void> {
    return new Promise((resolve, reject) => {
      const { signal, timeoutMs } = options;
      const settle = (status: AgentStatus): void => {
        if (status.state !== "live" && status.state !== "closed") return;
        stopListening();
        timer?.cancel();
        signal?.removeEventListener("abort", onAbort);
        if (status.state === "live") resolve();
        else reject(status.cause ?? new MyelinError("CANCELED", "the agent was closed"));
      };
      const giveUp = (reason: unknown): void => {
        // The first reason counts: what closing rejects with comes too late.
        reject(reason);
        void this.close();
      };
      const onAbort = (): void => giveUp(signal?.reason);
      const onTimeout = (): void =>
        giveUp(new MyelinError("TIMEOUT", `no welcome within ${timeoutMs} ms`));
      const stopListening = this.onStatus(settle);
      const timer =
        timeoutMs === undefined ? undefined : this.#clock.schedule(timeoutMs * 1e3, onTimeout);
      signal?.addEventListener("abort", onAbort);
      if (signal?.aborted === true) onAbort();
      this.#connection.open();
      settle(this.status);
    });
  }

  /**
   * Reports samples by metric name, all of one instant. NaN and infinities are values.
   * @throws MyelinError INVALID_ARGUMENT for a name or value that cannot be a metric's
   */
  report(values: Readonly<Record<string, number>>, options?: ReportOptions): void {
    const timeUs = this.#timeOf(options);
    for (const name in values) {
      if (Object.hasOwn(values, name))
        this.#sample(name, this.#telemetry.names.idOf(name), values[name], timeUs);
    }
    this.#outbox.requestFlush();
  }

  /** One metric by name, for reporting it often. @throws MyelinError INVALID_ARGUMENT */
  metric(name: string): Metric {
    this.#telemetry.names.idOf(name);
    return new Metric(name, (value, options) => {
      this.#sample(name, this.#telemetry.names.idOf(name), value, this.#timeOf(options));
      this.#outbox.requestFlush();
    });
  }

  /**
   * Reports that something happened, such as `agent.event("tool_call", { tool: "search" })`.
   * @throws MyelinError INVALID_ARGUMENT, PAYLOAD_TOO_LARGE for attributes above 64 KiB
   */
  event(type: string, attributes: object = {}, options?: ReportOptions): void {
    if (typeof type !== "string" || type === "" || type.length > maxEventTypeLength) {
      throw new MyelinError(
        "INVALID_ARGUMENT",
        `an event's type has 1 to ${maxEventTypeLength} characters`,
      );
    }
    this.#telemetry.event(type, attributes, this.#timeOf(options));
  }

  /**
   * Handles an action, from now on and in every later session.
   * @returns takes the handler away again
   * @throws MyelinError INVALID_ARGUMENT for a name that is none, ALREADY_EXISTS when the action has a handler
   */
  on(action: string, handler: Handler, options: HandlerOptions = {}): () => void {
    const remove = this.#handlers.add(action, handler, options);
    this.#connection.announce();
    return () => {
      remove();
      this.#connection.announce();
    };
  }

  /**
   * Vouches for another part of this agent that may not be able to answer because it is held still on purpose.
   * @throws MyelinError INVALID_ARGUMENT, RESOURCE_EXHAUSTED
   */
  vouch(part: string, state: PartStateName): void {
    this.#vouches.set(part, state);
    if (!this.#connection.isLive) return;
    this.#outbox.control.partState({ part, state });
    this.#outbox.requestFlush();
  }

  /**
   * Resolves when the node has confirmed all that was reported up to now, or it was dropped for want of room.
   * @throws MyelinError CANCELED, or why the connection is over, when the agent closes before
   */
  flush(): Promise<void> {
    const { status } = this;
    if (status.state === "closed") return Promise.reject(status.cause ?? closedError());
    this.#telemetry.endTurn();
    const confirmed = this.#confirmations.wait();
    this.#outbox.flush();
    this.#connection.askConfirmation();
    return confirmed;
  }

  /**
   * Leaves the node for good: begins nothing any more, waits a second at most for handlers that run and
   * telemetry that is under way, says goodbye.
   */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#instructions.refuse();
    if (this.#connection.isLive) {
      await this.#withinBound(Promise.all([this.flush(), this.#instructions.whenIdle()]));
    }
    await this.#connection.close();
    this.#instructions.abort(closedError());
  }

  /** Resolves when `done` settles, the connection breaks or a bound has passed. */
  #withinBound(done: Promise<unknown>): Promise<void> {
    return new Promise((resolve) => {
      const finish = (): void => {
        stopListening();
        timer.cancel();
        resolve();
      };
      const timer = this.#clock.schedule(closeWithinUs, finish);
      const stopListening = this.onStatus(finish);
      done.then(finish, finish);
    });
  }

  #onOwnStatus(status: AgentStatus): void {
    if (status.state === "live") {
      this.#vouches.writeTo(this.#outbox.control);
      this.#confirmations.check();
    } else if (status.state === "closed") {
      this.#confirmations.fail(status.cause ?? closedError());
    }
  }

  #sample(name: string, metricId: number, value: unknown, timeUs: number): void {
    if (typeof value !== "number") {
      throw new MyelinError(
        "INVALID_ARGUMENT",
        `the value of ${name} is not a number but ${typeof value}`,
      );
    }
    this.#telemetry.sample(metricId, value, timeUs);
  }

  #timeOf(options: ReportOptions | undefined): number {
    const timeUs = options?.timeUs;
    if (timeUs === undefined) return Math.floor(this.#clock.nowUs());
    if (timeUs >= 0 && timeUs <= Number.MAX_SAFE_INTEGER) return Math.floor(timeUs);
    throw new MyelinError(
      "INVALID_ARGUMENT",
      `${timeUs} is no time in microseconds since the epoch`,
    );
  }
}

function closedError(): MyelinError {
  return new MyelinError("CANCELED", "the agent was closed");
}
