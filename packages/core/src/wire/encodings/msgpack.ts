import { Encoder } from "@msgpack/msgpack";
import { type FrameVisitor, readFrame } from "../frame-reader.ts";
import type { Encoding } from "./encoding.ts";
import { type Forms, fromProto } from "./from-proto.ts";
import { readMessagePack } from "./msgpack-reader.ts";
import { toProto } from "./to-proto.ts";

const forms: Forms = {
  bytes: (bytes) => bytes,
  unusual: (value) => value,
  doubles: (bytes) => bytes,
};

/** MessagePack: what JSON says, in less room and without a schema. */
export const msgpack: Encoding = {
  name: "msgpack",
  isText: false,
  read(bytes: Uint8Array, visitor: FrameVisitor, nowUs: number): void {
    readFrame(toProto(readMessagePack(bytes), nowUs), visitor);
  },
  encode(frame: Uint8Array): Uint8Array {
    return new Encoder().encode(fromProto(frame, forms));
  },
};
