import type {
  Cancellation,
  FlowControl,
  FrameVisitor,
  Goodbye,
  InstructionMessage,
  Ping,
  Pong,
  Settlement,
  Welcome,
} from "@myelin/core/wire";
import type { Instructions, OutcomeStore } from "../instructions/index.ts";
import type { Heartbeat } from "./heartbeat.ts";
import type { Outbox } from "./outbox.ts";

/** What NodeReader hands on. */
export interface NodeReaderOptions {
  readonly heartbeat: Heartbeat;
  readonly outbox: Outbox;
  readonly instructions: Instructions;
  readonly outcomes: OutcomeStore;
  /** True while what the node says counts; operations behind a goodbye do not. */
  readonly isLive: () => boolean;
  readonly onWelcome: (welcome: Welcome) => void;
  readonly onGoodbye: (goodbye: Goodbye) => void;
  readonly onConfirmed: (sequence: number) => void;
  /** An instruction is about to be received: deadlines need a sound clock. */
  readonly checkClock: () => void;
}

/** Hands each operation that comes from the node to whom it concerns. */
export class NodeReader implements FrameVisitor {
  readonly #options: NodeReaderOptions;

  constructor(options: NodeReaderOptions) {
    this.#options = options;
  }

  onWelcome(welcome: Welcome): void {
    this.#options.onWelcome(welcome);
  }

  onGoodbye(goodbye: Goodbye): void {
    this.#options.onGoodbye(goodbye);
  }

  onPing(ping: Ping): void {
    if (!this.#options.isLive()) return;
    this.#options.heartbeat.onPing(ping);
    this.#options.outbox.requestFlush();
  }

  onPong(pong: Pong): void {
    if (!this.#options.isLive()) return;
    this.#options.heartbeat.onPong(pong);
    this.#options.onConfirmed(pong.telemetrySequence);
  }

  onInstruction(instruction: InstructionMessage): void {
    if (!this.#options.isLive()) return;
    this.#options.checkClock();
    this.#options.instructions.receive(instruction);
  }

  onCancellation(cancellation: Cancellation): void {
    if (this.#options.isLive()) this.#options.instructions.cancel(cancellation.instructionId);
  }

  onSettlement(settlement: Settlement): void {
    if (this.#options.isLive()) this.#options.outcomes.settle(settlement.instructionIds);
  }

  onFlowControl(flowControl: FlowControl): void {
    if (!this.#options.isLive()) return;
    const { outbox } = this.#options;
    if (flowControl.needsFullSamples) outbox.packAnew();
    outbox.setPausedByNode(flowControl.isTelemetryPaused);
  }
}
