import { FrameWriter, readFrame } from "@myelin/core/wire";

/** A frame of all acknowledgements that are in a frame; undefined where there is none. */
export function answersIn(frame: Uint8Array): Uint8Array | undefined {
  const writer = new FrameWriter();
  readFrame(frame, { onAcknowledgement: (told) => writer.acknowledgement(told) });
  return writer.isEmpty ? undefined : writer.take();
}
