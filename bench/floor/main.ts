/**
 * Measures the floor alone.
 *
 *     node bench/floor/main.ts --url URL [--rate 1000] [--request-bytes 64] [--reply-bytes 160]
 *                              [--slices 10] [--slice-seconds 1]
 *
 * Prints one JSON document: the median of the slices' percentiles, in microseconds.
 */
import { parseArgs } from "node:util";
import { type SliceResult, connectEcho } from "./echo-client.ts";

const { values } = parseArgs({
  options: {
    url: { type: "string" },
    rate: { type: "string", default: "1000" },
    "request-bytes": { type: "string", default: "64" },
    "reply-bytes": { type: "string", default: "160" },
    slices: { type: "string", default: "10" },
    "slice-seconds": { type: "string", default: "1" },
  },
});

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}

async function main(url: string): Promise<void> {
  const client = await connectEcho(url);
  const slice = {
    ratePerSecond: Number(values.rate),
    durationUs: Number(values["slice-seconds"]) * 1e6,
    requestBytes: Number(values["request-bytes"]),
    replyBytes: Number(values["reply-bytes"]),
  };
  // The first slice warms both sides up.
  await client.measure(slice);
  const results: SliceResult[] = [];
  for (let number = 0; number < Number(values.slices); number++) {
    results.push(await client.measure(slice));
  }
  client.close();
  const at = (percentile: number): number =>
    median(results.map((result) => result.roundTripsUs.percentile(percentile)));
  const document = {
    url,
    sent: results.reduce((sum, result) => sum + result.sent, 0),
    received: results.reduce((sum, result) => sum + result.received, 0),
    roundTripUs: { p50: at(50), p90: at(90), p99: at(99), max: at(100) },
  };
  process.stdout.write(`${JSON.stringify(document)}\n`);
}

if (values.url === undefined) {
  console.error("which echo server? give --url as it announced it");
  process.exitCode = 2;
} else {
  await main(values.url);
}
