/** From typing `myelin up`, as built and packed, to the first connection that is accepted. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { held, installPacked, machine, median, type Report } from "../report/index.ts";

const runs = 11;

/** Runs the benchmark: builds and installs the packages, then starts the node a number of times. */
export async function startBench(): Promise<Report> {
  const directory = await mkdtemp(join(tmpdir(), "myelin-bench-"));
  try {
    const mainPath = await installPacked(directory);
    const startsMs: number[] = [];
    const floorsMs: number[] = [];
    for (let run = 0; run < runs; run++) {
      floorsMs.push(await exitMs(["-e", "0"]));
      startsMs.push(await startMs(mainPath, join(directory, `data-${run}`)));
    }
    const [valueMs, floorMs] = [median(startsMs), median(floorsMs)];
    return {
      bench: "start",
      machine: machine(),
      figures: [
        { name: "floor: node starts and ends", value: floorMs, unit: "ms" },
        held({
          name: "myelin up to first connection, median",
          value: valueMs,
          unit: "ms",
          target: 400,
        }),
        {
          name: "myelin up to first connection, slowest",
          value: Math.max(...startsMs),
          unit: "ms",
        },
      ],
    };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function exitMs(args: readonly string[]): Promise<number> {
  const startedAtMs = performance.now();
  await once(spawn(process.execPath, args, { stdio: "ignore" }), "exit");
  return performance.now() - startedAtMs;
}

async function startMs(mainPath: string, data: string): Promise<number> {
  const startedAtMs = performance.now();
  const node = spawn(process.execPath, [mainPath, "up", "--port", "0", "--data", data], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const ended = once(node, "exit");
  await accepted(await addressOf(node.stdout));
  const tookMs = performance.now() - startedAtMs;
  node.kill("SIGTERM");
  await ended;
  return tookMs;
}

/** Where the node says that it listens. */
async function addressOf(output: Readable): Promise<URL> {
  for await (const line of createInterface({ input: output })) {
    const { http } = JSON.parse(line) as { readonly http: string };
    return new URL(http);
  }
  throw new Error("myelin up ended without saying where it listens");
}

/** Resolves when a connection is accepted. */
async function accepted({ hostname, port }: URL): Promise<void> {
  const socket = connect(Number(port), hostname);
  await once(socket, "connect");
  socket.destroy();
}
