import type { Timer } from "@myelin/core/clock";
import type { FrameWriter, Ping, Pong, Welcome } from "@myelin/core/wire";
import type { AgentClock, NodeTime } from "../time/index.ts";

/** The connection counts as broken when nothing was heard for this many intervals. */
const silentIntervals = 4;
/** Most pings whose answers are awaited. */
const mostOutstanding = 16;
const shortestIntervalUs = 10_000;

/** What Heartbeat needs. */
export interface HeartbeatOptions {
  readonly clock: AgentClock;
  readonly nodeTime: NodeTime;
  readonly control: FrameWriter;
  /** An interval has passed: it is time for a ping. */
  readonly onBeat: () => void;
  /** The agent's clock was set back; the node is told by the next ping or hello. */
  readonly onSetBack: () => void;
  /** Nothing was heard for too long. */
  readonly onSilence: () => void;
}

/**
 * Pings the node while a session is live, answers its pings, and notices its silence: by the beats that
 * passed, not by the time, so that an agent whose loop was blocked first reads what has come meanwhile.
 */
export class Heartbeat {
  readonly #options: HeartbeatOptions;
  readonly #outstanding = new Set<number>();
  #timer: Timer | undefined;
  #silentBeats = 0;
  #helloSentAtUs = 0;
  #nodeId = "";

  constructor(options: HeartbeatOptions) {
    this.#options = options;
  }

  /** Begins anew with this interval, in milliseconds. */
  start(intervalMs: number): void {
    this.stop();
    this.heard();
    this.#plan(Math.max(intervalMs * 1e3, shortestIntervalUs));
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#outstanding.clear();
  }

  /** Something came from the node. */
  heard(): void {
    this.#silentBeats = 0;
  }

  /** When the hello that is being written was sent. */
  stampHello(): number {
    this.#helloSentAtUs = this.#options.clock.nowUs();
    return this.#helloSentAtUs;
  }

  /** The node answers a hello. */
  onWelcome(welcome: Welcome): void {
    if (welcome.nodeId !== this.#nodeId) this.#options.nodeTime.reset();
    this.#nodeId = welcome.nodeId;
    if (welcome.helloSentAtUs !== this.#helloSentAtUs) return;
    this.#options.nodeTime.addExchange({
      sentUs: welcome.helloSentAtUs,
      receivedUs: welcome.helloReceivedAtUs,
      answeredUs: welcome.sentAtUs,
      arrivedUs: this.#options.clock.nowUs(),
    });
  }

  /** Writes a ping; its pong also confirms telemetry. */
  ping(): void {
    const { clock, control } = this.#options;
    const sentAtUs = clock.nowUs();
    if (this.#outstanding.size < mostOutstanding) this.#outstanding.add(sentAtUs);
    control.ping({ sentAtUs, timeLine: clock.timeLine });
  }

  /** The node asks: answered at once. */
  onPing(ping: Ping): void {
    const { clock, control } = this.#options;
    const receivedAtUs = clock.nowUs();
    control.pong({
      pingSentAtUs: ping.sentAtUs,
      receivedAtUs,
      sentAtUs: clock.nowUs(),
      telemetrySequence: 0,
    });
  }

  /** The node answers. Answers to pings of an earlier time line tell nothing of its clock. */
  onPong(pong: Pong): void {
    const { clock, nodeTime } = this.#options;
    if (!this.#outstanding.delete(pong.pingSentAtUs)) return;
    nodeTime.addExchange({
      sentUs: pong.pingSentAtUs,
      receivedUs: pong.receivedAtUs,
      answeredUs: pong.sentAtUs,
      arrivedUs: clock.nowUs(),
    });
  }

  /** Looks for a step of the agent's clock; true when it took one. The next ping tells the node. */
  checkClock(): boolean {
    const steppedUs = this.#options.clock.check();
    if (steppedUs === 0) return false;
    this.#options.nodeTime.stepped(steppedUs);
    if (steppedUs < 0) this.#options.onSetBack();
    this.#outstanding.clear();
    return true;
  }

  #plan(intervalUs: number): void {
    this.#timer = this.#options.clock.schedule(intervalUs, () => {
      if (++this.#silentBeats > silentIntervals) {
        this.#options.onSilence();
        return;
      }
      this.#plan(intervalUs);
      this.#options.onBeat();
    });
  }
}
