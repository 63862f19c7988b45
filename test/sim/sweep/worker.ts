// Runs seeds for a sweep, one at a time, on a thread of its own.
import { parentPort } from "node:worker_threads";
import { plantedFaults } from "../planted/faults.ts";
import { simulate } from "../simulate.ts";
import type { Job } from "./sweep.ts";

parentPort?.on("message", ({ seed, planted, reduction }: Job) => {
  const fault = planted === undefined ? undefined : plantedFaults[planted];
  void run();

  async function run(): Promise<void> {
    using _ = fault?.plant();
    parentPort?.postMessage(await simulate(seed, reduction === undefined ? {} : { reduction }));
  }
});
