/*
 * The PackedSamples message: between bytes and its fields. What the fields mean to each other is the
 * packer's and the unpacker's.
 *
 * Invariants:
 * 1. `count` is at most `maxPackedSamples`, so that a few bytes cannot claim much work or memory.
 * 2. No array holds more entries than the message had bytes, nor more than `count` needs.
 */
import { MyelinError } from "../errors/index.ts";
import { type ByteReader, malformed, wireVarint } from "./byte-reader.ts";
import type { ByteWriter } from "./byte-writer.ts";
import { formNumber, formOf } from "./column-forms.ts";
import type { Draft } from "./draft.ts";
import type { MetricForm, PackedSamples } from "./messages.ts";
import { PackedColumn } from "./packed-column.ts";

/** Most samples of one operation. */
export const maxPackedSamples = 16_384;
/** A step takes at most two numbers, one of them for a run of them. */
const mostNumbersPerStep = 2;

const noBytes = new Uint8Array(0);
const noNumbers: readonly number[] = [];
const noForms: readonly MetricForm[] = [];

/** Reads a PackedSamples message; its byte fields lie in the frame. */
export function readPackedSamples(reader: ByteReader): PackedSamples {
  const samples = emptySamples();
  let metrics: PackedColumn | undefined;
  let steps: PackedColumn | undefined;
  let forms: MetricForm[] | undefined;
  for (let number = reader.field(); number !== 0; number = reader.field()) {
    switch (number) {
      case 1:
        samples.version = reader.uint64("packed_samples.version");
        break;
      case 2:
        samples.isFull = reader.bool("packed_samples.is_full");
        break;
      case 3:
        samples.count = reader.uint32("packed_samples.count");
        break;
      case 4:
        metrics ??= columnOf(reader);
        metrics.add(wireVarint, "packed_samples.metrics");
        break;
      case 5:
        samples.baseTimeUs = reader.time("packed_samples.base_time_us");
        break;
      case 6:
        samples.samplesPerInstant = reader.uint32("packed_samples.samples_per_instant");
        break;
      case 7:
        steps ??= columnOf(reader);
        steps.add(wireVarint, "packed_samples.time_steps");
        break;
      case 8:
        forms ??= [];
        forms.push(readMetricForm(reader));
        break;
      case 9:
        samples.unchanged = reader.slice("packed_samples.unchanged");
        break;
      case 10:
        samples.values = reader.slice("packed_samples.values");
        break;
      default:
        reader.skip("packed_samples");
    }
  }
  const { count } = samples;
  if (count > maxPackedSamples) {
    throw malformed("packed_samples.count", `is ${count}, more than ${maxPackedSamples}`);
  }
  if (metrics !== undefined) {
    samples.metrics = readNumbers(metrics, count, "packed_samples.metrics");
  }
  if (steps !== undefined) {
    const most = count * mostNumbersPerStep;
    samples.timeSteps = readNumbers(steps, most, "packed_samples.time_steps");
  }
  if (forms !== undefined) samples.forms = forms;
  return samples;
}

/** What a PackedSamples message of no bytes says. */
function emptySamples(): Draft<PackedSamples> {
  return {
    version: 0,
    isFull: false,
    count: 0,
    metrics: noNumbers,
    samplesPerInstant: 0,
    timeSteps: noNumbers,
    forms: noForms,
    unchanged: noBytes,
    values: noBytes,
  };
}

function columnOf(reader: ByteReader): PackedColumn {
  const column = new PackedColumn();
  column.reset(reader);
  return column;
}

function readNumbers(column: PackedColumn, most: number, field: string): Float64Array {
  column.gather();
  const numbers = new Float64Array(Math.min(most, column.end - column.start));
  // The reader stands at the end of its message, which reading the column must not change.
  const { pos, end } = column.reader;
  const length = column.readVarints(numbers, numbers.length, field);
  column.reader.pos = pos;
  column.reader.end = end;
  if (length > numbers.length) throw malformed(field, "is longer than the samples need");
  return length === numbers.length ? numbers : numbers.subarray(0, length);
}

function readMetricForm(reader: ByteReader): MetricForm {
  const field = "packed_samples.forms";
  let number = 0;
  const form: Draft<MetricForm> = { metric: 0, form: "f64", scale: 0 };
  const outer = reader.enter(field);
  for (let tag = reader.field(); tag !== 0; tag = reader.field()) {
    if (tag === 1) form.metric = reader.uint32("packed_samples.forms.metric");
    else if (tag === 2) number = reader.uint32("packed_samples.forms.form");
    else if (tag === 3) form.scale = reader.double("packed_samples.forms.scale");
    else if (tag === 4) form.reference = reader.double("packed_samples.forms.reference");
    else reader.skip(field);
  }
  reader.leave(outer);
  const known = formOf(number);
  if (known === undefined) throw malformed("packed_samples.forms.form", "is absent or unknown");
  form.form = known;
  return form;
}

/** Writes the fields of a PackedSamples message. */
export function writePackedSamples(writer: ByteWriter, samples: PackedSamples): void {
  writer.uint(0x08, samples.version);
  writer.bool(0x10, samples.isFull);
  writer.uint(0x18, samples.count);
  writeNumbers(writer, 0x22, samples.metrics);
  if (samples.baseTimeUs !== undefined) writePresentTime(writer, 0x29, samples.baseTimeUs);
  writer.uint(0x30, samples.samplesPerInstant);
  writeNumbers(writer, 0x3a, samples.timeSteps);
  for (const form of samples.forms) writeMetricForm(writer, form);
  writer.bytes(0x4a, samples.unchanged);
  writer.bytes(0x52, samples.values);
}

function writePresentTime(writer: ByteWriter, tag: number, timeUs: number): void {
  if (timeUs === 0) writer.putDouble(tag, 0);
  else writer.time(tag, timeUs);
}

function writeNumbers(writer: ByteWriter, tag: number, numbers: ArrayLike<number>): void {
  const { length } = numbers;
  if (length === 0) return;
  let largest = 0;
  for (let index = 0; index < length; index++) {
    const number = numbers[index] as number;
    if (!(number >= 0 && number <= Number.MAX_SAFE_INTEGER)) {
      throw new MyelinError("INVALID_ARGUMENT", `packed samples cannot hold the number ${number}`);
    }
    if (number > largest) largest = number;
  }
  const opened = writer.open(tag);
  writer.putVarints(numbers, length, largest);
  writer.close(opened);
}

function writeMetricForm(writer: ByteWriter, form: MetricForm): void {
  const opened = writer.open(0x42);
  writer.uint(0x08, form.metric);
  writer.uint(0x10, formNumber(form.form));
  if (!Object.is(form.scale, 0)) writer.putDouble(0x19, form.scale);
  if (form.reference !== undefined) writer.putDouble(0x21, form.reference);
  writer.close(opened);
}
