import type { ByteReader } from "./byte-reader.ts";
import type { ByteWriter } from "./byte-writer.ts";
import type { Draft } from "./draft.ts";
import { readAcknowledgement, writeAcknowledgement } from "./instruction-codec.ts";
import { setOwn } from "./json-codec.ts";
import type { Acknowledgement, Action, Hello, Resume, Sdk } from "./messages.ts";

/** A hello while it is being read. */
interface HelloDraft extends Draft<Hello> {
  readonly capabilities: string[];
  readonly labels: Record<string, string>;
  readonly actions: Action[];
  readonly outcomes: Acknowledgement[];
}

export function readHello(reader: ByteReader): Hello {
  const hello = emptyHello();
  for (let number = reader.field(); number !== 0; number = reader.field())
    readHelloField(reader, number, hello);
  return hello;
}

/** What a hello of no bytes says. */
function emptyHello(): HelloDraft {
  return {
    protocolVersion: 0,
    agentId: "",
    agentType: "",
    part: "",
    incarnation: "",
    tier: "",
    capabilities: [],
    labels: {},
    actions: [],
    token: "",
    outcomes: [],
    sentAtUs: 0,
    timeLine: "",
    actionsFollow: false,
  };
}

function readHelloField(reader: ByteReader, number: number, hello: HelloDraft): void {
  switch (number) {
    case 1:
      hello.protocolVersion = reader.uint32("hello.protocol_version");
      break;
    case 2:
      hello.agentId = reader.string("hello.agent_id");
      break;
    case 3:
      hello.agentType = reader.string("hello.agent_type");
      break;
    case 4:
      hello.part = reader.string("hello.part");
      break;
    case 5:
      hello.incarnation = reader.string("hello.incarnation");
      break;
    case 6:
      hello.tier = reader.string("hello.tier");
      break;
    case 7:
      hello.capabilities.push(reader.string("hello.capabilities"));
      break;
    case 8:
      readLabel(reader, hello.labels);
      break;
    case 9:
      hello.actions.push(readAction(reader));
      break;
    case 10:
      hello.sdk = readSdk(reader, hello.sdk);
      break;
    case 11:
      hello.token = reader.string("hello.token");
      break;
    case 12:
      hello.resume = readResume(reader, hello.resume);
      break;
    case 13:
      hello.outcomes.push(readOutcome(reader));
      break;
    case 14:
      hello.sentAtUs = reader.time("hello.sent_at_us");
      break;
    case 15:
      hello.timeLine = reader.string("hello.time_line");
      break;
    case 16:
      hello.actionsFollow = reader.bool("hello.actions_follow");
      break;
    default:
      reader.skip("hello");
  }
}

export function writeHello(writer: ByteWriter, hello: Hello): void {
  writer.uint(0x08, hello.protocolVersion);
  writer.string(0x12, hello.agentId);
  writer.string(0x1a, hello.agentType);
  writer.string(0x22, hello.part);
  writer.string(0x2a, hello.incarnation);
  writer.string(0x32, hello.tier);
  for (const item of hello.capabilities) writer.putString(0x3a, item);
  for (const [key, value] of Object.entries(hello.labels)) writeLabel(writer, 0x42, key, value);
  for (const action of hello.actions) writeAction(writer, 0x4a, action);
  if (hello.sdk !== undefined) writeSdk(writer, 0x52, hello.sdk);
  writer.string(0x5a, hello.token);
  if (hello.resume !== undefined) writeResume(writer, 0x62, hello.resume);
  for (const outcome of hello.outcomes) {
    const start = writer.open(0x6a);
    writeAcknowledgement(writer, outcome);
    writer.close(start);
  }
  writer.time(0x71, hello.sentAtUs);
  writer.string(0x7a, hello.timeLine);
  if (hello.actionsFollow) {
    // Field 16 is the first whose tag takes two bytes.
    writer.putByte(0x80);
    writer.bool(0x01, true);
  }
}

function readOutcome(reader: ByteReader): Acknowledgement {
  const outer = reader.enter("hello.outcomes");
  const outcome = readAcknowledgement(reader);
  reader.leave(outer);
  return outcome;
}

function readLabel(reader: ByteReader, labels: Record<string, string>): void {
  let key = "";
  let value = "";
  const outer = reader.enter("hello.labels");
  for (let number = reader.field(); number !== 0; number = reader.field()) {
    if (number === 1) key = reader.string("hello.labels.key");
    else if (number === 2) value = reader.string("hello.labels.value");
    else reader.skip("hello.labels");
  }
  reader.leave(outer);
  setOwn(labels, key, value);
}

function writeLabel(writer: ByteWriter, tag: number, key: string, value: string): void {
  const start = writer.open(tag);
  writer.putString(0x0a, key);
  writer.putString(0x12, value);
  writer.close(start);
}

function readAction(reader: ByteReader): Action {
  const action: Draft<Action> = {
    name: "",
    isIdempotent: false,
  };
  const outer = reader.enter("action");
  for (let number = reader.field(); number !== 0; number = reader.field()) {
    switch (number) {
      case 1:
        action.name = reader.string("action.name");
        break;
      case 2:
        action.isIdempotent = reader.bool("action.is_idempotent");
        break;
      default:
        reader.skip("action");
    }
  }
  reader.leave(outer);
  return action;
}

function writeAction(writer: ByteWriter, tag: number, action: Action): void {
  const start = writer.open(tag);
  writer.string(0x0a, action.name);
  writer.bool(0x10, action.isIdempotent);
  writer.close(start);
}

function readSdk(reader: ByteReader, previous: Sdk | undefined): Sdk {
  const sdk: Draft<Sdk> = previous ?? {
    name: "",
    version: "",
  };
  const outer = reader.enter("sdk");
  for (let number = reader.field(); number !== 0; number = reader.field()) {
    switch (number) {
      case 1:
        sdk.name = reader.string("sdk.name");
        break;
      case 2:
        sdk.version = reader.string("sdk.version");
        break;
      default:
        reader.skip("sdk");
    }
  }
  reader.leave(outer);
  return sdk;
}

function writeSdk(writer: ByteWriter, tag: number, sdk: Sdk): void {
  const start = writer.open(tag);
  writer.string(0x0a, sdk.name);
  writer.string(0x12, sdk.version);
  writer.close(start);
}

function readResume(reader: ByteReader, previous: Resume | undefined): Resume {
  const resume: Draft<Resume> = previous ?? {
    sessionId: "",
    resumeToken: "",
  };
  const outer = reader.enter("resume");
  for (let number = reader.field(); number !== 0; number = reader.field()) {
    switch (number) {
      case 1:
        resume.sessionId = reader.string("resume.session_id");
        break;
      case 2:
        resume.resumeToken = reader.string("resume.resume_token");
        break;
      default:
        reader.skip("resume");
    }
  }
  reader.leave(outer);
  return resume;
}

function writeResume(writer: ByteWriter, tag: number, resume: Resume): void {
  const start = writer.open(tag);
  writer.string(0x0a, resume.sessionId);
  writer.string(0x12, resume.resumeToken);
  writer.close(start);
}
