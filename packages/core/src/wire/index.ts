export {
  type Encoding,
  type EncodingName,
  encodingNamed,
  encodingNames,
  encodingOfSubprotocol,
  parseEncodingName,
  subprotocolOf,
} from "./encodings/index.ts";
export { type FrameVisitor, readFrame } from "./frame-reader.ts";
export { FrameWriter } from "./frame-writer.ts";
export type {
  Acknowledgement,
  AcknowledgementError,
  AcknowledgementStatus,
  Action,
  Cancellation,
  ColumnForm,
  Episode,
  EventMessage,
  FlowControl,
  Goodbye,
  Hello,
  InstructionMessage,
  Limits,
  MetricDeclaration,
  MetricForm,
  PackedSamples,
  PartState,
  PartStateName,
  Ping,
  Pong,
  Resume,
  Sdk,
  Settlement,
  TwinDelta,
  Welcome,
} from "./messages.ts";
export { FramePacker } from "./frame-packer.ts";
export { columnForms } from "./column-forms.ts";
export type { PackableSamples } from "./form-choice.ts";
export { maxPackedSamples } from "./packed-samples-codec.ts";
export { SamplePacker } from "./sample-packer.ts";
export { SampleUnpacker, UnpackedColumns } from "./sample-unpacker.ts";
export type { OutgoingSamples, SampleColumns } from "./sample-columns.ts";
