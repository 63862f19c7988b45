import { Confirmations } from "./confirmations.ts";
import { Connection, Outbox } from "./connection/index.ts";
import { Handlers, Instructions, OutcomeStore } from "./instructions/index.ts";
import type { ResolvedOptions } from "./options.ts";
import { Telemetry } from "./telemetry/index.ts";
import { AgentClock, NodeTime } from "./time/index.ts";

/** What one agent is made of. */
export interface Assembly {
  readonly clock: AgentClock;
  readonly nodeTime: NodeTime;
  readonly telemetry: Telemetry;
  readonly confirmations: Confirmations;
  readonly outbox: Outbox;
  readonly handlers: Handlers;
  readonly instructions: Instructions;
  readonly connection: Connection;
}

/** Makes what one agent is made of, and joins it. */
export function assemble(options: ResolvedOptions): Assembly {
  const clock = new AgentClock({
    clock: options.clock,
    wallUs: options.wallUs,
    name: options.identity.incarnation,
  });
  const nodeTime = new NodeTime(() => clock.nowUs());
  const telemetry = new Telemetry({
    bufferBytes: options.bufferBytes,
    nowUs: () => clock.nowUs(),
    onReport: () => outbox.requestFlush(),
    onBatch: () => outbox.pump(),
  });
  const confirmations = new Confirmations(telemetry.buffer);
  const outbox = new Outbox({
    clock,
    telemetry,
    highWaterBytes: options.highWaterBytes,
    onPressure: () => connection.askConfirmation(),
  });
  const handlers = new Handlers();
  const outcomes = new OutcomeStore(options.maxOutcomes);
  const instructions = new Instructions({
    clock,
    nodeTime,
    handlers,
    outcomes,
    acknowledge: (acknowledgement) => {
      if (!connection.isLive) return;
      outbox.control.acknowledgement(acknowledgement);
      outbox.requestFlush();
    },
  });
  const connection = new Connection({
    url: options.url,
    dial: options.dial,
    encoding: options.encoding,
    identity: options.identity,
    random: options.random,
    backoff: options.backoff,
    connectTimeoutUs: options.connectTimeoutMs * 1e3,
    clock,
    nodeTime,
    telemetry,
    outbox,
    handlers,
    instructions,
    outcomes,
    onConfirmed: () => confirmations.check(),
  });
  return { clock, nodeTime, telemetry, confirmations, outbox, handlers, instructions, connection };
}
