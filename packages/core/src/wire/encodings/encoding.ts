import type { FrameVisitor } from "../frame-reader.ts";

/** How frames are written on a channel. */
export type EncodingName = "proto" | "msgpack" | "json";

/**
 * One way to write frames. Within a process a frame is what FrameWriter makes; an encoding translates
 * frames as they leave and as they come, so that all say the same.
 */
export interface Encoding {
  readonly name: EncodingName;
  /** True when its frames are text, in UTF-8. */
  readonly isText: boolean;
  /**
   * Reads one frame as it came and tells the visitor what is in it, as `readFrame` does.
   * @param nowUs this side's clock, which stands for instants that the peer may leave out
   * @throws MyelinError PROTOCOL_ERROR when the frame is malformed; the message names the field
   */
  read(bytes: Uint8Array, visitor: FrameVisitor, nowUs: number): void;
  /** A frame that FrameWriter made, as it leaves. */
  encode(frame: Uint8Array): Uint8Array;
}
