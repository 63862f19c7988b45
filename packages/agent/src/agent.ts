import { MyelinError } from "@myelin/core/errors";
import type { JsonObject } from "@myelin/core/json";
import type { PartStateName } from "@myelin/core/wire";
import { type Assembly, assemble } from "./assembly.ts";
import { type AgentStatus, type ConnectOptions, Vouches, whenLive } from "./connection/index.ts";
import type { Handler, HandlerOptions } from "./instructions/index.ts";
import { Metric, type MetricOptions } from "./metric.ts";
import { type AgentOptions, platformEnvironment, resolveOptions } from "./options.ts";
import type { ReportOptions } from "./report-options.ts";
import type { AgentStatistics } from "./statistics.ts";
import { Instants } from "./time/index.ts";

/** How long `close` waits for what is under way. */
const closeWithinUs = 1e6;
const maxEventTypeLength = 128;

/** The state that an agent reports of itself; its node keeps it as part of the agent's twin. */
export interface AgentState {
  /** The present state; not to be changed. */
  get(): JsonObject;
  /** Replaces the state. @throws MyelinError INVALID_ARGUMENT, PAYLOAD_TOO_LARGE above 64 KiB */
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

  /** Unique in the fleet. */
  readonly id: string;
  /** Which program of the agent this is. */
  readonly part: string;

  readonly #clock: Assembly["clock"];
  readonly #nodeTime: Assembly["nodeTime"];
  readonly #telemetry: Assembly["telemetry"];
  readonly #confirmations: Assembly["confirmations"];
  readonly #outbox: Assembly["outbox"];
  readonly #handlers: Assembly["handlers"];
  readonly #instructions: Assembly["instructions"];
  readonly #connection: Assembly["connection"];
  readonly #vouches = new Vouches();
  readonly #instants: Instants;
  #closed: Promise<void> | undefined;

  /** @throws MyelinError INVALID_ARGUMENT */
  constructor(options: AgentOptions = {}) {
    const resolved = resolveOptions(options, platformEnvironment());
    const assembly = assemble(resolved);
    const { telemetry } = assembly;
    this.#clock = assembly.clock;
    this.#instants = new Instants(assembly.clock);
    this.#nodeTime = assembly.nodeTime;
    this.#telemetry = telemetry;
    this.#confirmations = assembly.confirmations;
    this.#outbox = assembly.outbox;
    this.#handlers = assembly.handlers;
    this.#instructions = assembly.instructions;
    this.#connection = assembly.connection;
    this.#connection.status.listen((status) => this.#onOwnStatus(status));
    this.id = resolved.identity.id;
    this.part = resolved.identity.part;
    this.state = {
      get: () => telemetry.state,
      set: (state) => telemetry.setState(state),
      patch: (patch) => telemetry.patchState(patch),
    };
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
    const live = whenLive(this.#connection.status, this.#clock, () => void this.close(), options);
    this.#connection.open();
    return live;
  }

  /**
   * Reports samples by metric name, all of one instant, and of a later one than the call before. NaN
   * and infinities are values.
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

  /**
   * One metric by name, for reporting it often. A tolerance holds for all of the agent's samples of that
   * name from now on, until another is given.
   * @throws MyelinError INVALID_ARGUMENT
   */
  metric(name: string, { tolerance }: MetricOptions = {}): Metric {
    const { names } = this.#telemetry;
    const id = names.idOf(name);
    if (tolerance !== undefined) names.setTolerance(id, tolerance);
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
    this.#telemetry.sealAll();
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
    if (timeUs === undefined) return this.#instants.next();
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
