/**
 * Bytes and nanoseconds that a sample takes on the wire, in each encoding and form. In frames of 100
 * samples: `slow`, a metric that moves by less than its tolerance at a time, and `noisy`, one whose
 * values are spread over 100 tolerances; `single`, the slow one in a frame for each sample. `full`
 * writes each frame so that it needs none before it, `delta` what has changed.
 */
import {
  type ColumnForm,
  columnForms,
  type EncodingName,
  encodingNamed,
  FrameWriter,
  SamplePacker,
  type SampleColumns,
  SampleUnpacker,
  UnpackedColumns,
} from "@myelin/core/wire";
import { type Figure, held, machine, type Report } from "../report/index.ts";
import { type Frame, type Load, makeLoads } from "./loads.ts";

/** Bytes that a sample of the slow metric may take in i8_delta, with its part of the frame. */
const targetBytes = 1.2;
/** Time that each measurement computes, after half as much to warm up. */
const measureMs = 50;
/** A number of a frame of telemetry within a session. */
const sequence = 1000;

/** A way to write samples. */
interface Way {
  readonly name: string;
  readonly encoding: EncodingName;
  /** The forms allowed; undefined for plain samples. */
  readonly forms?: readonly ColumnForm[];
  readonly isFull?: boolean;
  /** Whether the load's tolerance is made use of. */
  readonly isExact?: boolean;
}

const ways: readonly Way[] = [
  { name: "proto, plain", encoding: "proto" },
  { name: "msgpack, plain", encoding: "msgpack" },
  { name: "json, plain", encoding: "json" },
  ...(["f64", "f32", "f16", "i8", "i8_delta"] as const).flatMap((form): Way[] => {
    const way = { encoding: "proto", forms: [form], isExact: form === "f64" } as const;
    return [
      { ...way, name: `proto, ${form} full`, isFull: true },
      { ...way, name: `proto, ${form} delta` },
    ];
  }),
  { name: "proto, as chosen", encoding: "proto", forms: columnForms },
  { name: "msgpack, as chosen", encoding: "msgpack", forms: columnForms },
];

/** Runs the benchmark. */
export function wireBench(): Report {
  const figures: Figure[] = [];
  const problems: string[] = [];
  for (const load of makeLoads()) {
    for (const way of ways) {
      const name = `${load.name}: ${way.name}`;
      const { bytes, encodeNs, decodeNs, isHeld } = measure(way, load);
      if (!isHeld) problems.push(`${name} is not within the tolerance`);
      const isTarget = name === "slow: proto, i8_delta delta";
      const size = { name: `${name}, size`, value: bytes, unit: "B" };
      figures.push(isTarget ? held({ ...size, target: targetBytes }) : size);
      figures.push({ name: `${name}, encode`, value: encodeNs, unit: "ns" });
      figures.push({ name: `${name}, decode`, value: decodeNs, unit: "ns" });
    }
  }
  const report = { bench: "wire", machine: machine(), figures };
  return problems.length === 0 ? report : { ...report, void: problems.join("; ") };
}

/** What a way takes, each for one sample. */
interface Cost {
  readonly bytes: number;
  readonly encodeNs: number;
  readonly decodeNs: number;
  /** True when all values came within the tolerance. */
  readonly isHeld: boolean;
}

function measure(way: Way, load: Load): Cost {
  const { frames } = load;
  const samples = frames.reduce((sum, { count }) => sum + count, 0);
  const written = makeEncoder(way, load)();
  const bytes = written.reduce((sum, { length }) => sum + length, 0);
  let isHeld = true;
  const check = (columns: SampleColumns, index: number): void => {
    isHeld &&= isWithin(columns, frames[index], way.isExact === true ? 0 : load.tolerance);
  };
  makeDecoder(way)(written, check);
  const decode = makeDecoder(way);
  return {
    bytes: bytes / samples,
    encodeNs: nanosecondsOf(makeEncoder(way, load)) / samples,
    decodeNs: nanosecondsOf(() => decode(written, () => undefined)) / samples,
    isHeld,
  };
}

/** Writes all frames of a load, as one session does; each call is a session of its own. */
function makeEncoder(way: Way, { frames, tolerance }: Load): () => Uint8Array[] {
  const { encode } = encodingNamed(way.encoding);
  const writer = new FrameWriter();
  const tolerances = [0, way.isExact === true ? 0 : tolerance];
  const offsetsUs = new Float64Array(frames[0]?.count ?? 0);
  return () => {
    const packer = new SamplePacker(way.forms ?? []);
    return frames.map((frame) => {
      if (way.isFull === true) packer.reset();
      const packed = way.forms === undefined ? undefined : packer.pack(frame, tolerances);
      if (packed === undefined) writePlain(writer, frame, offsetsUs);
      else writer.packedSamples(packed);
      writer.header(frame.timesUs[0] ?? 0, sequence);
      return encode(writer.take());
    });
  };
}

function writePlain(writer: FrameWriter, frame: Frame, offsetsUs: Float64Array): void {
  const { count, metrics, values, timesUs } = frame;
  const baseTimeUs = timesUs[0] ?? 0;
  for (let index = 0; index < count; index += 1) {
    offsetsUs[index] = (timesUs[index] ?? 0) - baseTimeUs;
  }
  writer.samples({ names: [], baseTimeUs, metrics, values, offsetsUs, count });
}

/** Reads frames into columns of doubles; each call begins with a frame that is full. */
function makeDecoder(
  way: Way,
): (frames: readonly Uint8Array[], take: (columns: SampleColumns, index: number) => void) => void {
  const { read } = encodingNamed(way.encoding);
  const unpacker = new SampleUnpacker(new UnpackedColumns());
  return (frames, take) => {
    for (const [index, frame] of frames.entries()) {
      const visitor = {
        onSamples: (columns: SampleColumns) => take(columns, index),
        onPackedSamples: (packed: Parameters<SampleUnpacker["unpack"]>[0]) => {
          const columns = unpacker.unpack(packed, 1);
          if (columns === undefined) throw new Error("a difference is missing");
          take(columns, index);
        },
      };
      read(frame, visitor, 0);
    }
  };
}

function isWithin(columns: SampleColumns, frame: Frame | undefined, tolerance: number): boolean {
  if (columns.count !== frame?.count) return false;
  return frame.values.every(
    (value, index) =>
      Math.abs((columns.values[index] ?? Number.NaN) - value) <= tolerance &&
      columns.timesUs[index] === frame.timesUs[index],
  );
}

/** Time that a call computes on this thread: the best of several rounds. */
function nanosecondsOf(call: () => unknown): number {
  const round = (untilMs: number): number => {
    const beforeUs = process.threadCpuUsage().user;
    for (let calls = 1; ; calls += 1) {
      call();
      const elapsedUs = process.threadCpuUsage().user - beforeUs;
      if (elapsedUs >= untilMs * 1000) return (elapsedUs * 1000) / calls;
    }
  };
  round(measureMs / 2);
  return Math.min(round(measureMs / 2), round(measureMs / 2));
}
