import { type ByteReader, malformed } from "./byte-reader.ts";
import type { ByteWriter } from "./byte-writer.ts";
import { readStruct, readValue, writeStruct, writeValue } from "./json-codec.ts";
import type { Draft } from "./draft.ts";
import type {
  Acknowledgement,
  AcknowledgementError,
  AcknowledgementStatus,
  Cancellation,
  Episode,
  InstructionMessage,
  Settlement,
} from "./messages.ts";

/** Indexed by number on the wire. */
const statuses: readonly (AcknowledgementStatus | undefined)[] = [
  undefined,
  "received",
  "executed",
  "failed",
  "rejected",
  "expired",
  "canceled",
];

export function readInstruction(reader: ByteReader): InstructionMessage {
  const instruction: Draft<InstructionMessage> = {
    id: "",
    action: "",
    args: {},
    priority: 0,
    deadlineUs: 0,
    timeoutUs: 0,
    createdAtUs: 0,
  };
  for (let number = reader.field(); number !== 0; number = reader.field()) {
    switch (number) {
      case 1:
        instruction.id = reader.string("instruction.id");
        break;
      case 2:
        instruction.action = reader.string("instruction.action");
        break;
      case 3:
        instruction.args = readStruct(reader, "instruction.args", instruction.args);
        break;
      case 4:
        instruction.priority = reader.uint32("instruction.priority");
        break;
      case 5:
        instruction.deadlineUs = reader.time("instruction.deadline_us");
        break;
      case 6:
        instruction.timeoutUs = reader.time("instruction.timeout_us");
        break;
      case 7:
        instruction.createdAtUs = reader.time("instruction.created_at_us");
        break;
      case 8:
        instruction.episode = readEpisode(reader, instruction.episode);
        break;
      default:
        reader.skip("instruction");
    }
  }
  return instruction;
}

export function writeInstruction(writer: ByteWriter, instruction: InstructionMessage): void {
  writer.string(0x0a, instruction.id);
  writer.string(0x12, instruction.action);
  writeStruct(writer, 0x1a, instruction.args);
  writer.uint(0x20, instruction.priority);
  writer.time(0x29, instruction.deadlineUs);
  writer.time(0x31, instruction.timeoutUs);
  writer.time(0x39, instruction.createdAtUs);
  if (instruction.episode !== undefined) writeEpisode(writer, 0x42, instruction.episode);
}

function readEpisode(reader: ByteReader, previous: Episode | undefined): Episode {
  const episode: Draft<Episode> = previous ?? {
    rule: "",
    ruleVersion: 0,
    meaningVersion: 0,
    timeLine: "",
    startedAtUs: 0,
    attempt: 0,
    appliedUntilUs: 0,
  };
  const outer = reader.enter("episode");
  for (let number = reader.field(); number !== 0; number = reader.field()) {
    switch (number) {
      case 1:
        episode.rule = reader.string("episode.rule");
        break;
      case 2:
        episode.ruleVersion = reader.uint32("episode.rule_version");
        break;
      case 3:
        episode.meaningVersion = reader.uint32("episode.meaning_version");
        break;
      case 4:
        episode.timeLine = reader.string("episode.time_line");
        break;
      case 5:
        episode.startedAtUs = reader.time("episode.started_at_us");
        break;
      case 6:
        episode.attempt = reader.uint32("episode.attempt");
        break;
      case 7:
        episode.appliedUntilUs = reader.time("episode.applied_until_us");
        break;
      default:
        reader.skip("episode");
    }
  }
  reader.leave(outer);
  return episode;
}

function writeEpisode(writer: ByteWriter, tag: number, episode: Episode): void {
  const start = writer.open(tag);
  writer.string(0x0a, episode.rule);
  writer.uint(0x10, episode.ruleVersion);
  writer.uint(0x18, episode.meaningVersion);
  writer.string(0x22, episode.timeLine);
  writer.time(0x29, episode.startedAtUs);
  writer.uint(0x30, episode.attempt);
  writer.time(0x39, episode.appliedUntilUs);
  writer.close(start);
}

export function readAcknowledgement(reader: ByteReader): Acknowledgement {
  let status: AcknowledgementStatus | undefined;
  const acknowledgement: Draft<Acknowledgement> = {
    instructionId: "",
    status: "received",
    receivedAtUs: 0,
    begunAtUs: 0,
    endedAtUs: 0,
    action: "",
  };
  for (let number = reader.field(); number !== 0; number = reader.field()) {
    switch (number) {
      case 1:
        acknowledgement.instructionId = reader.string("acknowledgement.instruction_id");
        break;
      case 2:
        status = statuses[reader.uint32("acknowledgement.status")];
        break;
      case 3:
        acknowledgement.result = readValue(
          reader,
          "acknowledgement.result",
          acknowledgement.result,
        );
        break;
      case 4:
        acknowledgement.error = readError(reader, acknowledgement.error);
        break;
      case 5:
        acknowledgement.receivedAtUs = reader.time("acknowledgement.received_at_us");
        break;
      case 6:
        acknowledgement.begunAtUs = reader.time("acknowledgement.begun_at_us");
        break;
      case 7:
        acknowledgement.endedAtUs = reader.time("acknowledgement.ended_at_us");
        break;
      case 8:
        acknowledgement.episode = readEpisode(reader, acknowledgement.episode);
        break;
      case 9:
        acknowledgement.action = reader.string("acknowledgement.action");
        break;
      default:
        reader.skip("acknowledgement");
    }
  }
  if (status === undefined) throw malformed("acknowledgement.status", "is absent or unknown");
  acknowledgement.status = status;
  return acknowledgement;
}

function readError(
  reader: ByteReader,
  previous: AcknowledgementError | undefined,
): AcknowledgementError {
  const error: Draft<AcknowledgementError> = previous ?? { code: "", message: "" };
  const outer = reader.enter("error");
  for (let number = reader.field(); number !== 0; number = reader.field()) {
    if (number === 1) error.code = reader.string("error.code");
    else if (number === 2) error.message = reader.string("error.message");
    else reader.skip("error");
  }
  reader.leave(outer);
  return error;
}

export function writeAcknowledgement(writer: ByteWriter, acknowledgement: Acknowledgement): void {
  const { result, error, episode } = acknowledgement;
  writer.string(0x0a, acknowledgement.instructionId);
  writer.uint(0x10, statuses.indexOf(acknowledgement.status));
  if (result !== undefined) writeValue(writer, 0x1a, result);
  if (error !== undefined) {
    const start = writer.open(0x22);
    writer.string(0x0a, error.code);
    writer.string(0x12, error.message);
    writer.close(start);
  }
  writer.time(0x29, acknowledgement.receivedAtUs);
  writer.time(0x31, acknowledgement.begunAtUs);
  writer.time(0x39, acknowledgement.endedAtUs);
  if (episode !== undefined) writeEpisode(writer, 0x42, episode);
  writer.string(0x4a, acknowledgement.action);
}

export function readSettlement(reader: ByteReader): Settlement {
  const instructionIds: string[] = [];
  for (let number = reader.field(); number !== 0; number = reader.field()) {
    if (number === 1) instructionIds.push(reader.string("settlement.instruction_ids"));
    else reader.skip("settlement");
  }
  return { instructionIds };
}

export function writeSettlement(writer: ByteWriter, settlement: Settlement): void {
  for (const id of settlement.instructionIds) writer.putString(0x0a, id);
}

export function readCancellation(reader: ByteReader): Cancellation {
  let instructionId = "";
  for (let number = reader.field(); number !== 0; number = reader.field()) {
    if (number === 1) instructionId = reader.string("cancellation.instruction_id");
    else reader.skip("cancellation");
  }
  return { instructionId };
}

export function writeCancellation(writer: ByteWriter, cancellation: Cancellation): void {
  writer.string(0x0a, cancellation.instructionId);
}
