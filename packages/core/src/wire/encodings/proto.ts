import { type FrameVisitor, readFrame } from "../frame-reader.ts";
import type { Encoding } from "./encoding.ts";

/** Protobuf's wire format, in which frames are held anyway: nothing is translated. */
export const proto: Encoding = {
  name: "proto",
  isText: false,
  read(bytes: Uint8Array, visitor: FrameVisitor): void {
    readFrame(bytes, visitor);
  },
  encode(frame: Uint8Array): Uint8Array {
    return frame;
  },
};
