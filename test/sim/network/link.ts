/**
 * One connection across the simulated network: a channel in memory whose every delivery takes time,
 * and which can be cut, stalled and made half-open.
 *
 * Invariants
 * 1. Frames arrive whole and in order, or not at all: what is in flight when the link ends is lost.
 * 2. What a side hears, it hears through its process.
 * 3. A side that ends the link itself is told so, whatever the network does.
 */
import {
  type Channel,
  type ChannelEnd,
  type ChannelHandler,
  memoryChannel,
} from "@myelin/core/channel";
import type { Clock, Timer } from "@myelin/core/clock";
import type { SimProcess } from "../world/process.ts";

/** How long `close` may take until the side that closes is told of the end. */
const closeWithinUs = 1e6;

/** The two ends of a link. */
export type SideName = "agent" | "node";

/** What a link is made of. */
export interface LinkOptions {
  readonly name: string;
  /** True time. */
  readonly clock: Clock;
  readonly agent: SimProcess;
  readonly maxFrameBytes: number;
  /** How long the next delivery takes, in microseconds. */
  readonly delayUs: () => number;
  /** Called when the link has ended on every side that can still be told. */
  readonly onGone: (link: Link) => void;
}

/** Who listens at the node's address: a process, and what it does with a channel. */
export interface Listener {
  readonly process: SimProcess;
  readonly accept: (channel: Channel) => ChannelHandler;
}

interface Side {
  readonly process: SimProcess;
  /** The side's end as its owner has it; undefined until it is there. */
  channel: Channel | undefined;
  /** True when the side hears nothing any more, not even the end. */
  isDeaf: boolean;
  isEnded: boolean;
  /** Tells the side that the link has ended. */
  tellEnd: (end: ChannelEnd) => void;
}

export class Link {
  readonly name: string;
  readonly #options: LinkOptions;
  readonly #agent: Side;
  #node: Side | undefined;
  #isStalled = false;
  #stalled: (() => void)[] = [];
  /** The agent's way to send, which nobody hears of. */
  #say: (frame: Uint8Array) => void = () => undefined;
  #onSaid: ((frame: Uint8Array) => void) | undefined;

  constructor(options: LinkOptions) {
    this.name = options.name;
    this.#options = options;
    this.#agent = sideOf(options.agent);
  }

  /** Dials: `listener` is asked for who listens when the call arrives there. */
  open(handler: ChannelHandler, listener: () => Listener | undefined): Channel {
    const clock = {
      defer: (callback: () => void): void => {
        this.#options.clock.schedule(this.#options.delayUs(), () => this.#pass(callback));
      },
      schedule: (delayUs: number, callback: () => void): Timer =>
        this.#options.clock.schedule(delayUs, callback),
    };
    const { maxFrameBytes } = this.#options;
    const near = this.#endOf(this.#agent, () => handler);
    const channel = memoryChannel({ clock, maxFrameBytes }, near.handler, (far) =>
      this.#accept(far, listener()),
    );
    this.#say = (frame) => channel.send(frame);
    return near.open({
      send: (frame) => {
        channel.send(frame);
        this.#onSaid?.(frame);
      },
      get bufferedBytes() {
        return channel.bufferedBytes;
      },
      pause: () => channel.pause(),
      resume: () => channel.resume(),
      close: () => channel.close(),
      destroy: () => channel.destroy(),
    });
  }

  /** Sends as the agent would, unless the link has ended for it. */
  say(frame: Uint8Array): void {
    if (!this.#agent.isEnded && this.#agent.process.isAlive) this.#say(frame);
  }

  /** Tells of each frame that the agent sends from now on; of none without a listener. */
  onSaid(listener: ((frame: Uint8Array) => void) | undefined): void {
    this.#onSaid = listener;
  }

  #accept(channel: Channel, listener: Listener | undefined): ChannelHandler | undefined {
    if (listener === undefined) return undefined;
    const side = sideOf(listener.process);
    this.#node = side;
    let accepted: ChannelHandler | undefined;
    const far = this.#endOf(side, () => accepted);
    const own = far.open(channel);
    side.process.enter(() => {
      accepted = listener.accept(own);
    });
    return far.handler;
  }

  processOf(side: SideName): SimProcess | undefined {
    return side === "agent" ? this.#agent.process : this.#node?.process;
  }

  /** True when a side is deaf, or dead, and the other has not found that out. */
  get isHalfOpen(): boolean {
    return this.#sides.some(isLost) && this.#sides.some((side) => !side.isEnded && !isLost(side));
  }

  /** True when nobody waits for anything of it any more. */
  get isGone(): boolean {
    return this.#sides.every((side) => side.isEnded || isLost(side));
  }

  /** Bytes under way from a side. */
  bufferedBytes(side: SideName): number {
    return (side === "agent" ? this.#agent : this.#node)?.channel?.bufferedBytes ?? 0;
  }

  /** Ends it for both: what is in flight is lost. */
  cut(): void {
    this.#agent.channel?.destroy();
  }

  /** Ends it after what `side` has sent has arrived, as a process does that exits. */
  closeFrom(side: SideName): void {
    (side === "agent" ? this.#agent : this.#node)?.channel?.close();
  }

  /** The agent is told of the end at once; what it had sent arrives all the same, and the end after it. */
  hangUp(): void {
    this.#agent.tellEnd({ reason: "reset on the way" });
    this.closeFrom("agent");
  }

  /** Nothing gets through, either way, until `flow`. */
  stall(): void {
    this.#isStalled = true;
  }

  /** What was stalled arrives, in order. */
  flow(): void {
    if (!this.#isStalled) return;
    this.#isStalled = false;
    for (const callback of this.#stalled.splice(0)) this.#options.clock.defer(callback);
  }

  /** Makes a side hear nothing any more; the other end, told, is gone: a half-open connection. */
  deafen(side: SideName): void {
    const deaf = side === "agent" ? this.#agent : this.#node;
    if (deaf !== undefined) deaf.isDeaf = true;
  }

  get #sides(): Side[] {
    return this.#node === undefined ? [this.#agent] : [this.#agent, this.#node];
  }

  #pass(callback: () => void): void {
    if (this.#isStalled) this.#stalled.push(callback);
    else callback();
  }

  /** A process that is held still does not read. */
  #followHolds(side: Side): void {
    const follow = (isHeld: boolean): void => {
      if (side.isEnded) return;
      if (isHeld) side.channel?.pause();
      else side.channel?.resume();
    };
    side.process.onHeld(follow);
    if (side.process.isHeld) follow(true);
  }

  /** What a side hears, and how its owner holds its end of the channel. */
  #endOf(
    side: Side,
    owner: () => ChannelHandler | undefined,
  ): { readonly handler: ChannelHandler; readonly open: (channel: Channel) => Channel } {
    const { clock } = this.#options;
    const hear = (tell: (handler: ChannelHandler) => void): void => {
      if (side.isDeaf) return;
      side.process.enter(() => {
        const handler = owner();
        if (handler !== undefined) tell(handler);
      });
    };
    const end = (told: ChannelEnd): void => {
      if (side.isEnded) return;
      side.isEnded = true;
      if (this.isGone) this.#options.onGone(this);
      hear((handler) => handler.onEnd(told));
    };
    side.tellEnd = end;
    const handler: ChannelHandler = {
      onOpen: () => hear((listening) => listening.onOpen?.()),
      onFrame: (frame) => {
        if (!side.isEnded) hear((listening) => listening.onFrame(frame));
      },
      onDrain: () => {
        if (!side.isEnded) hear((listening) => listening.onDrain?.());
      },
      onEnd: end,
    };
    const open = (channel: Channel): Channel => {
      const own: Channel = {
        send: (frame) => channel.send(frame),
        get bufferedBytes() {
          return channel.bufferedBytes;
        },
        pause: () => channel.pause(),
        resume: () => channel.resume(),
        close: () => {
          channel.close();
          clock.schedule(closeWithinUs, () => end({ reason: "closed by this side" }));
        },
        destroy: () => {
          channel.destroy();
          clock.defer(() => end({ reason: "closed by this side" }));
        },
      };
      side.channel = own;
      this.#followHolds(side);
      return own;
    };
    return { handler, open };
  }
}

function isLost(side: Side): boolean {
  return side.isDeaf || !side.process.isAlive;
}

function sideOf(process: SimProcess): Side {
  return { process, channel: undefined, isDeaf: false, isEnded: false, tellEnd: () => undefined };
}
