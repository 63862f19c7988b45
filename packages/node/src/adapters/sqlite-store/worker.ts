// A worker thread of the store: takes all the calls that have queued up, does them as one group,
// answers them in one message. Upkeep runs when nothing is asked.
import { constants, setPriority } from "node:os";
import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { LedgerService } from "./ledger-service.ts";
import type { Call, WorkerRole } from "./protocol.ts";
import type { Service } from "./service.ts";
import { StateService } from "./state-service.ts";
import { isStorageCode, storageError } from "./storage-error.ts";

const maxCallsInGroup = 1024;
const idleMs = 100;
const hourMs = 3600e3;

const port = parentPort;
if (port === null) throw new Error("this file runs on a worker thread of the store");
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the store's link writes it
const role = workerData as WorkerRole;
const service: Service =
  role.name === "state" ? new StateService() : new LedgerService(role.settings);

// Nobody waits for the ledger. Where cores are few the node's loop must not wait behind it either: on
// Linux a thread has a priority of its own; elsewhere this would be the process's.
if (role.name === "ledger" && process.platform === "linux")
  setPriority(0, constants.priority.PRIORITY_BELOW_NORMAL);

let idleTimer: NodeJS.Timeout | undefined;

/** Upkeep that the disk refuses is tried again later; the calls that need the disk say what is wrong. */
function upkeep(work: () => void): void {
  try {
    work();
  } catch (thrown) {
    if (!isStorageCode(storageError(thrown, role.name).code)) throw thrown;
  }
}

function rest(): void {
  clearTimeout(idleTimer);
  idleTimer = setTimeout(() => upkeep(() => service.idle() && rest()), idleMs);
}

const hourTimer = setInterval(() => {
  upkeep(() => service.hourly());
  rest();
}, hourMs);

port.on("message", (first: readonly Call[]) => {
  const calls = [...first];
  while (calls.length < maxCallsInGroup) {
    const next = receiveMessageOnPort(port);
    if (next === undefined) break;
    calls.push(...(next.message as readonly Call[]));
  }
  const answer = service.run(calls);
  port.postMessage(answer);
  if (calls.some(({ name }) => name === "close")) {
    clearTimeout(idleTimer);
    clearInterval(hourTimer);
    port.close();
    return;
  }
  rest();
});
