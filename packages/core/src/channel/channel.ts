import type { ErrorCode } from "../errors/index.ts";
import type { EncodingName } from "../wire/index.ts";

/** Why a channel ended; a code where this side or the peer's transport could say one. */
export interface ChannelEnd {
  readonly code?: ErrorCode;
  readonly reason: string;
}

/** What the owner of a channel wants to hear. Callbacks are never made from within a call to the channel. */
export interface ChannelHandler {
  /** The channel can be written to. Not called for channels that were accepted: they are open. */
  onOpen?(): void;
  /** One whole frame arrived. The bytes are the receiver's during the call: what it keeps it copies. */
  onFrame(frame: Uint8Array): void;
  /** `bufferedBytes` has fallen to zero after it had risen above the channel's high-water mark. */
  onDrain?(): void;
  /** The channel is gone; called exactly once, and nothing is called after it. */
  onEnd(end: ChannelEnd): void;
}

/**
 * One open way for frames between two peers, ordered and whole: what a WebSocket, a Unix socket
 * or memory has in common. A frame that is sent may still be lost when the channel ends.
 */
export interface Channel {
  /** Sends one frame. The bytes belong to the channel from here on and must not be changed. After the end it does nothing. */
  send(frame: Uint8Array): void;
  /** How the frames on it are written; protobuf where it is not said. */
  readonly encoding?: EncodingName;
  /** Bytes handed to `send` that the operating system (or peer) has not taken yet. */
  readonly bufferedBytes: number;
  /** Stops reading from the peer; frames already read may still arrive. */
  pause(): void;
  /** Reads again. */
  resume(): void;
  /** Ends the channel after what was sent has left, within a bound of one second. */
  close(): void;
  /** Ends the channel at once. */
  destroy(): void;
}

/** How a channel is dialed. */
export interface DialOptions {
  /** A longer frame ends the channel with PAYLOAD_TOO_LARGE. */
  readonly maxFrameBytes: number;
  /** How frames are to be written; protobuf by default. The channel says how they are. */
  readonly encoding?: EncodingName;
}

/** Opens a channel towards `url`; failure to connect is told by `onEnd`. */
export type Dial = (url: string, handler: ChannelHandler, options: DialOptions) => Channel;
