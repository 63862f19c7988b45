/**
 * The control loop: one agent reports 1,000 samples a second, each fires a rule; measured from the
 * moment a sample was meant to be reported until the handler is called. The floor is a raw echo of
 * the same sizes over the same transport, in slices that alternate with those of the loop.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Agent, connect, type Metric } from "@myelin/agent";
import { Histogram } from "@myelin/core/statistics";
import { connectEcho, type EchoClient } from "../floor/echo-client.ts";
import { nowUs, openLoop } from "../floor/pacer.ts";
import { held, machine, median, type Report, startProcess } from "../report/index.ts";

const ratePerSecond = 1000;
const sliceUs = 1e6;
const slices = 10;
const warmUpSlices = 2;
/** Metrics in turn, with a rule on each: as many samples may be in flight at once, a quarter of a second's. */
const ruleCount = 256;
const mainPath = fileURLToPath(new URL("../../packages/cli/src/main.ts", import.meta.url));
const echoPath = fileURLToPath(new URL("../floor/echo-server.ts", import.meta.url));
/** Bytes of the frame of one report, and of the instruction it causes, as measured on the wire. */
const requestBytes = 64;
const replyBytes = 170;

/** Each report raises one metric, which fires its rule, and lowers the one before, which ends that episode. */
function rules(): string {
  const list = Array.from({ length: ruleCount }, (_, at) => ({
    name: `loop-${at}`,
    expr: `turn_${at} > 0`,
    action: "measure",
    args: { number: `\${turn_${at}}` },
    sla: "10ms",
    // Short, so that the agent's store of outcomes, which keeps each until then, does not fill up.
    deadline: "1s",
    timeout: "1s",
    cooldown: "0s",
  }));
  return JSON.stringify({ rules: list });
}

interface LoopResult {
  readonly latenciesUs: Histogram;
  readonly sent: number;
  readonly received: number;
}

class LoopClient {
  readonly #metrics: readonly Metric[];
  readonly #intendedUs: number[] = [];
  #sent = 0;
  #received = 0;
  #latenciesUs = new Histogram();
  #onAll: (() => void) | undefined;

  constructor(agent: Agent) {
    this.#metrics = Array.from({ length: ruleCount }, (_, at) => agent.metric(`turn_${at}`));
    agent.on("measure", (instruction) => {
      const intendedUs = this.#intendedUs[Number(instruction.args["number"])];
      if (intendedUs !== undefined) this.#latenciesUs.record(nowUs() - intendedUs);
      this.#received++;
      if (this.#received === this.#sent) this.#onAll?.();
    });
  }

  async measure(): Promise<LoopResult> {
    this.#latenciesUs = new Histogram();
    const [sentBefore, receivedBefore] = [this.#sent, this.#received];
    await openLoop({
      ratePerSecond,
      durationUs: sliceUs,
      send: (intendedUs) => {
        const number = ++this.#sent;
        this.#intendedUs[number] = intendedUs;
        this.#metrics[(number - 1) % ruleCount]?.report(0);
        this.#metrics[number % ruleCount]?.report(number);
      },
    });
    if (this.#received < this.#sent) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#onAll = resolve;
      const timer = setTimeout(resolve, 1000);
      await promise;
      clearTimeout(timer);
      this.#onAll = undefined;
    }
    return {
      latenciesUs: this.#latenciesUs,
      sent: this.#sent - sentBefore,
      received: this.#received - receivedBefore,
    };
  }
}

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
    await fetch(new URL("/api/v1/rules", http), { method: "POST", body: rules() });
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
