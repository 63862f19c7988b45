import { isErrorCode } from "@myelin/core/errors";
import type { Acknowledgement } from "@myelin/core/wire";
import type { Instruction } from "../instruction/index.ts";
import type { DeliverySession } from "./recipient.ts";

const maxMessageLength = 1024;

/** How far the agent's clock may be wrong in our estimate. */
const toleranceUs = 1e6;

/**
 * Notes when an agent received and ended an instruction. Its instants are estimates, or lies: what lies well before
 * the sending or well after now is held to these.
 */
export function noteTimes(
  instruction: Instruction,
  session: DeliverySession,
  { status, receivedAtUs, begunAtUs, endedAtUs }: Acknowledgement,
  nowUs: number,
): void {
  const { times } = instruction;
  const plausible = (partTimeUs: number, lowUs: number): number => {
    const timeUs = session.toNodeTimeUs(partTimeUs);
    if (!(timeUs <= nowUs + toleranceUs)) return nowUs;
    return timeUs < lowUs ? lowUs : timeUs;
  };
  if (Number.isNaN(times.receivedAtUs) && receivedAtUs > 0)
    times.receivedAtUs = plausible(receivedAtUs, times.writtenAtUs - toleranceUs);
  if (status !== "received" && begunAtUs > 0 && endedAtUs > 0)
    times.executedAtUs = plausible(endedAtUs, times.receivedAtUs);
}

/** The error an agent told, with a code of the catalogue and a message of a bounded length. */
export function errorOf({ error }: Acknowledgement): Instruction["error"] {
  if (error === undefined) return undefined;
  const code = isErrorCode(error.code) ? error.code : "INTERNAL";
  return { code, message: error.message.slice(0, maxMessageLength) };
}
