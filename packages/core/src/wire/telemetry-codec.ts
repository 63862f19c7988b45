import type { ByteReader } from "./byte-reader.ts";
import type { ByteWriter } from "./byte-writer.ts";
import type { Draft } from "./draft.ts";
import { readStruct, writeStruct } from "./json-codec.ts";
import type { EventMessage, TwinDelta } from "./messages.ts";

export function readEvent(reader: ByteReader): EventMessage {
  const event: Draft<EventMessage> = { type: "", attributes: {}, timeUs: 0 };
  for (let number = reader.field(); number !== 0; number = reader.field()) {
    switch (number) {
      case 1:
        event.type = reader.string("event.type");
        break;
      case 2:
        event.attributes = readStruct(reader, "event.attributes", event.attributes);
        break;
      case 3:
        event.timeUs = reader.time("event.time_us");
        break;
      default:
        reader.skip("event");
    }
  }
  return event;
}

export function writeEvent(writer: ByteWriter, event: EventMessage): void {
  writer.string(0x0a, event.type);
  writeStruct(writer, 0x12, event.attributes);
  writer.time(0x19, event.timeUs);
}

export function readTwinDelta(reader: ByteReader): TwinDelta {
  const delta: Draft<TwinDelta> = { version: 0, isFull: false, patch: {}, timeUs: 0 };
  for (let number = reader.field(); number !== 0; number = reader.field()) {
    switch (number) {
      case 1:
        delta.version = reader.uint64("twin_delta.version");
        break;
      case 2:
        delta.isFull = reader.bool("twin_delta.is_full");
        break;
      case 3:
        delta.patch = readStruct(reader, "twin_delta.patch", delta.patch);
        break;
      case 4:
        delta.timeUs = reader.time("twin_delta.time_us");
        break;
      default:
        reader.skip("twin_delta");
    }
  }
  return delta;
}

export function writeTwinDelta(writer: ByteWriter, delta: TwinDelta): void {
  writer.uint(0x08, delta.version);
  writer.bool(0x10, delta.isFull);
  writeStruct(writer, 0x1a, delta.patch);
  writer.time(0x21, delta.timeUs);
}
