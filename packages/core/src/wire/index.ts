export { type FrameVisitor, readFrame } from "./frame-reader.ts";
export { FrameWriter } from "./frame-writer.ts";
export type {
  Acknowledgement,
  AcknowledgementError,
  AcknowledgementStatus,
  Action,
  Cancellation,
  Episode,
  EventMessage,
  FlowControl,
  Goodbye,
  Hello,
  InstructionMessage,
  Limits,
  MetricDeclaration,
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
export type { OutgoingSamples, SampleColumns } from "./sample-columns.ts";
