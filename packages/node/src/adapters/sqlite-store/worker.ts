// A worker thread of the store: takes all the calls that have queued up, whoever calls, does them as one
// group, answers each caller in one message. Upkeep runs when nothing is asked.
import { constants, setPriority } from "node:os";
import {
  type MessagePort,
  parentPort,
  receiveMessageOnPort,
  workerData,
} from "node:worker_threads";
import { LedgerService } from "./ledger-service.ts";
import type { Answer, Call, Joining, Outcome, WorkerRole } from "./protocol.ts";
import type { Service } from "./service.ts";
import { StateService } from "./state-service.ts";
import { isStorageCode, storageError } from "./storage-error.ts";

const maxCallsInGroup = 1024;
const idleMs = 100;
const hourMs = 3600e3;

if (parentPort === null) throw new Error("this file runs on a worker thread of the store");
/** Where calls come from: the thread that started this one first, then those that joined. */
const ports: MessagePort[] = [parentPort];
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

/** Some calls of one caller, in their order. */
interface Batch {
  readonly port: MessagePort;
  readonly calls: readonly Call[];
}

function hear(port: MessagePort): void {
  port.on("message", (message: readonly Call[] | Joining) => {
    if ("port" in message) join(message);
    else perform({ port, calls: message });
  });
}

function join({ port }: Joining): void {
  ports.push(port);
  port.once("close", () => void ports.splice(ports.indexOf(port), 1));
  hear(port);
}

/** What else has queued up, from every caller in turn. */
function* queued(): Generator<Batch> {
  for (let isMore = true; isMore; ) {
    isMore = false;
    for (const port of [...ports]) {
      const next = receiveMessageOnPort(port)?.message as readonly Call[] | Joining | undefined;
      if (next === undefined) continue;
      isMore = true;
      if ("port" in next) join(next);
      else yield { port, calls: next };
    }
  }
}

function perform(first: Batch): void {
  const batches = [first];
  let count = first.calls.length;
  if (count < maxCallsInGroup) {
    for (const batch of queued()) {
      batches.push(batch);
      count += batch.calls.length;
      if (count >= maxCallsInGroup) break;
    }
  }
  const calls = batches.flatMap((batch) => batch.calls);
  const { outcomes, figures, commitsUs } = service.run(calls);
  let from = 0;
  const byPort = new Map<MessagePort, Outcome[]>();
  for (const batch of batches) {
    const own = byPort.get(batch.port) ?? [];
    own.push(...outcomes.slice(from, (from += batch.calls.length)));
    byPort.set(batch.port, own);
  }
  // Each commit is told of once, so that what the threads count adds up.
  let untoldUs = commitsUs;
  for (const [port, own] of byPort) {
    const answer: Answer = { outcomes: own, figures, commitsUs: untoldUs };
    port.postMessage(answer);
    untoldUs = [];
  }
  if (calls.some(({ name }) => name === "close")) {
    clearTimeout(idleTimer);
    clearInterval(hourTimer);
    for (const port of ports) port.close();
    return;
  }
  rest();
}

hear(parentPort);
