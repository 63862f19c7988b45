/**
 * The control loop: one agent reports 1,000 samples a second, each fires a rule; measured from the
 * moment a sample was meant to be reported until the handler is called. The floor is a raw echo of
 * the same sizes over the same transport, in slices that alternate with those of the loop.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { connect } from "@myelin/agent";
import type { Histogram } from "@myelin/core/statistics";
import { connectEcho, type EchoClient } from "../floor/echo-client.ts";
import { held, machine, median, type Report, startProcess } from "../report/index.ts";
import { LoopClient, loopRules, type LoopResult, ratePerSecond, sliceUs } from "./loop-client.ts";

const slices = 10;
const warmUpSlices = 2;
const mainPath = fileURLToPath(new URL("../../packages/cli/src/main.ts", import.meta.url));
const echoPath = fileURLToPath(new URL("../floor/echo-server.ts", import.meta.url));
/** Bytes of the frame of one report, and of the instruction it causes, as measured on the wire. */
const requestBytes = 64;
const replyBytes = 170;

async function alternate(
  loop: LoopClient,
  echo: EchoClient,
): Promise<{ loop: LoopResult[]; floor: Histogram[] }> {
  const results: { loop: LoopResult[]; floor: Histogram[] } = { loop: [], floor: [] };
  for (let slice = -warmUpSlices; slice < slices; slice++) {
    const measured = await loop.measure();
    const floor = await echo.measure({
      ratePerSecond,
      durationUs: sliceUs,
      requestBytes,
      replyBytes,
    });
    if (slice < 0) continue;
    results.loop.push(measured);
    results.floor.push(floor.roundTripsUs);
  }
  return results;
}

/** Runs the benchmark over WebSocket, then over a Unix socket. */
export async function loopBench(): Promise<Report> {
  const directory = await mkdtemp(join(tmpdir(), "myelin-bench-"));
  const node = await startProcess(mainPath, [
    "up",
    "--port",
    "0",
    "--data",
    join(directory, "data"),
    "--unix",
    join(directory, "node.sock"),
    "--log-level",
    "warn",
  ]);
  const echoes = [
    await startProcess(echoPath, []),
    await startProcess(echoPath, ["--unix", join(directory, "echo.sock")]),
  ];
  try {
    const http = node.announced["http"] ?? "";
    await fetch(new URL("/api/v1/rules", http), { method: "POST", body: loopRules() });
    const figures = [];
    const transports = [
      {
        name: "websocket",
        url: node.announced["url"] ?? "",
        echo: echoes[0]?.announced["url"] ?? "",
      },
      { name: "unix", url: node.announced["unix"] ?? "", echo: echoes[1]?.announced["url"] ?? "" },
    ];
    for (const transport of transports) {
      await using agent = await connect({
        url: transport.url,
        id: `loop-${transport.name}`,
        type: "bench",
      });
      const echo = await connectEcho(transport.echo);
      const { loop, floor } = await alternate(new LoopClient(agent), echo);
      echo.close();
      for (const [percentile, target] of [
        [50, 2],
        [99, 2.5],
        [99.9, undefined],
      ] as const) {
        const valueUs = median(loop.map(({ latenciesUs }) => latenciesUs.percentile(percentile)));
        const floorUs = median(floor.map((roundTripsUs) => roundTripsUs.percentile(percentile)));
        figures.push({
          name: `${transport.name} floor p${percentile}`,
          value: floorUs,
          unit: "us",
        });
        figures.push(
          held({
            name: `${transport.name} loop p${percentile}`,
            value: valueUs,
            unit: "us",
            ratio: valueUs / floorUs,
            ...(target === undefined ? {} : { target }),
          }),
        );
      }
      const lost = loop.reduce((sum, { sent, received }) => sum + sent - received, 0);
      figures.push(
        held({
          name: `${transport.name} samples without a call`,
          value: lost,
          unit: "",
          target: 0,
        }),
      );
    }
    return { bench: "loop", machine: machine(), figures };
  } finally {
    await Promise.all([node, ...echoes].map((started) => started.stop()));
    await rm(directory, { recursive: true, force: true });
  }
}
