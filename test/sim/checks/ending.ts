/** What must be so when the faults have ended and all has settled. */
import { parseAgentId } from "@myelin/core/ids";
import type { InstructionDocument } from "@myelin/core/instruction";
import { isEnded } from "@myelin/core/instruction";
import type { Fleet } from "../fleet/fleet.ts";
import type { Network } from "../network/network.ts";
import type { SimNode } from "../node/sim-node.ts";
import { checkEpisodes } from "./episodes.ts";
import type { Judge } from "./judge.ts";
import type { InstructionRecord } from "./records.ts";

/** What the end is judged by. */
export interface Ending {
  readonly node: SimNode;
  readonly fleet: Fleet;
  readonly network: Network;
  readonly judge: Judge;
}

/** Undefined when all is well again, else what is not. */
export function unsettled({ node, fleet, network }: Ending): string | undefined {
  const { serving } = node;
  if (serving === undefined) return "the node does not serve";
  for (const part of fleet.parts) if (!part.isLive) return `${part.name} is not connected`;
  for (const link of network.links) if (link.isHalfOpen) return `${link.name} is half-open`;
  const { dispatch, sessions, scheduler } = serving.arc;
  for (const session of sessions.all())
    if (!session.isLive) return `the session of ${session.agent.id} is away`;
  if (sessions.sessionCount !== fleet.parts.length)
    return `${sessions.sessionCount} sessions for ${fleet.parts.length} parts`;
  if (dispatch.openCount > 0) {
    const [open] = dispatch.open();
    return `${dispatch.openCount} instructions are open, such as ${open?.id} (${open?.status})`;
  }
  if (scheduler.size > 0) return "something is queued";
  const { pendingLedgerEntries, pendingWrites } = serving.store.health();
  if (pendingLedgerEntries + pendingWrites > 0) return "the disk has not taken everything";
  for (const [id, { status }] of node.disk.instructions)
    if (!isEnded(status)) return `${id} is ${status} on disk`;
  return undefined;
}

/** Undefined when the node has heard the last that each part reported, else who is behind: an agent may be told to hold its telemetry. */
export function awaited({ fleet, judge }: Ending): string | undefined {
  for (const { name, sdk } of fleet.parts)
    if (sdk !== undefined && judge.telemetry.isAwaited(name))
      return `reports of ${name} have not come`;
  return undefined;
}

/** Judges every instruction, and what the node knows of the fleet. */
export async function checkEnding({ node, fleet, judge }: Ending): Promise<void> {
  const run = node.serving;
  if (run === undefined) return;
  judge.runEnded(run.number, run.arc.ledger);
  for (const record of judge.records.all()) {
    // Of what nobody asked for or began there is nothing to find out.
    if (record.acceptance === undefined && record.performances.length === 0) continue;
    const document = await documentOf(node, record.id);
    checkAccepted(record, document, judge, run.number);
    checkPerformed(record, document, judge);
  }
  checkKnowledge(node, fleet, judge);
  checkTelemetry(fleet, judge);
  checkEpisodes(node, fleet.single, judge);
  judge.firings.check(
    [...fleet.single].map((agent) => `${agent}/app`),
    judge,
  );
}

function checkTelemetry({ parts }: Fleet, judge: Judge): void {
  for (const { name, incarnation, sdk } of parts) {
    if (sdk === undefined) continue;
    judge.telemetry.checkArrived(name, incarnation, sdk.statistics.droppedSamples, judge);
    judge.telemetry.checkPlaced(name, judge);
  }
}

async function documentOf(node: SimNode, id: string): Promise<InstructionDocument | undefined> {
  const answer = await node.call("GET", `/api/v1/instructions/${id}`);
  return answer?.status === 200
    ? (JSON.parse(String(answer.body)) as InstructionDocument)
    : undefined;
}

/** What a caller was told is accepted has ended, with the end that callers were told of. */
function checkAccepted(
  { id, acceptance, toldToStay: told, ends, isDropped }: InstructionRecord,
  document: InstructionDocument | undefined,
  judge: Judge,
  lastRun: number,
): void {
  if (acceptance === undefined) return;
  const isLostByWish =
    acceptance.durability === "memory" && (isDropped || acceptance.run !== lastRun);
  if (document === undefined) {
    if (!isLostByWish) judge.breach("what was accepted is not lost", `${id} of ${acceptance.call}`);
    return;
  }
  if (!isEnded(document.status)) judge.breach("what was accepted ends", `${id} ${document.status}`);
  if (ends.length === 0 && !isLostByWish)
    judge.breach("what was accepted ends", `${id} without being told`);
  if (told !== undefined && told !== document.status)
    judge.breach("an end stays", `${id} was told as ${told}, is kept as ${document.status}`);
}

/**
 * What an agent has performed is accounted, whatever broke meanwhile, as long as the incarnation that
 * performed it still lives: it tells until the node has it on disk. (But what asked for no disk.)
 */
function checkPerformed(
  { id, performances }: InstructionRecord,
  document: InstructionDocument | undefined,
  judge: Judge,
): void {
  const last = performances.at(-1);
  if (last === undefined || last.state === "running") return;
  if (last.isVolatile || judge.isDead(last.incarnation)) return;
  if (document === undefined) {
    judge.breach("what was performed is accounted", `${id} at ${last.part}`);
    return;
  }
  const code = document.error?.code;
  const isGivenUp = code === "TIMEOUT" || code === "OUTCOME_UNKNOWN";
  if (last.state === "returned" && document.status !== "executed" && !isGivenUp)
    judge.breach("what was executed is accounted so", `${id} is ${document.status} ${code ?? ""}`);
}

/** The node knows the last that each part has reported. */
function checkKnowledge(node: SimNode, fleet: Fleet, judge: Judge): void {
  const run = node.serving;
  if (run === undefined) return;
  for (const { part, reports } of fleet.workloads) {
    const { agent: id, part: name } = part.identity;
    const agent = run.arc.registry.get(parseAgentId(id));
    const metric = `reports_${name}`;
    const latest =
      agent?.slot === undefined
        ? undefined
        : run.arc.insight.latest(agent.slot).find((sample) => sample.metric === metric)?.value;
    if (latest !== reports)
      judge.breach("the node knows the latest", `${part.name}: ${latest} of ${reports}`);
    const twin = agent === undefined ? undefined : run.arc.insight.twin(agent)[name];
    if (JSON.stringify(twin) !== JSON.stringify({ reports }))
      judge.breach("the node knows the twin", `${part.name}: ${JSON.stringify(twin)}, ${reports}`);
  }
}
