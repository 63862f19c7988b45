import { MyelinError } from "@myelin/core/errors";
import {
  type InstructionStatus,
  instructionStatuses,
  isInstructionStatus,
  parseTime,
} from "@myelin/core/instruction";
import type { Instruction } from "../instruction/index.ts";

/** Parameters of a list of instructions. */
export const listParameters: readonly string[] = [
  "agent",
  "rule",
  "status",
  "since",
  "until",
  "limit",
  "cursor",
];

/** Which instructions are asked for; all conditions must hold. */
export interface InstructionFilter {
  readonly agent?: string;
  readonly rule?: string;
  readonly status?: InstructionStatus;
  readonly sinceUs?: number;
  readonly untilUs?: number;
}

/** Where an earlier page ended: among the open ones, or in the ledger. */
export type Cursor =
  | { readonly of: "open"; readonly createdAtUs: number; readonly id: string }
  | { readonly of: "ledger"; readonly after: string };

/** @throws MyelinError INVALID_ARGUMENT */
export function filterOf(query: URLSearchParams): InstructionFilter {
  const [agent, rule, status, since, until] = ["agent", "rule", "status", "since", "until"].map(
    (name) => query.get(name) ?? undefined,
  );
  return {
    ...(agent === undefined ? {} : { agent }),
    ...(rule === undefined ? {} : { rule }),
    ...(status === undefined ? {} : { status: parseStatus(status) }),
    ...(since === undefined ? {} : { sinceUs: parseTime(since) }),
    ...(until === undefined ? {} : { untilUs: parseTime(until) }),
  };
}

/** @throws MyelinError INVALID_ARGUMENT */
export function parseCursor(text: string | null): Cursor | undefined {
  if (text === null) return undefined;
  if (text.startsWith("l")) return { of: "ledger", after: text.slice(1) };
  const [, time, id] = /^o(\d{1,16}(?:\.\d{1,6})?)~([\w-]{1,64})$/.exec(text) ?? [];
  if (time === undefined || id === undefined)
    throw new MyelinError("INVALID_ARGUMENT", "the cursor is not one of this list's");
  return { of: "open", createdAtUs: Number(time), id };
}

/** The open instructions of a page, newest first. */
export function openPage(
  open: Iterable<Instruction>,
  filter: InstructionFilter,
  cursor: Cursor | undefined,
  limit: number,
): Instruction[] {
  if (cursor?.of === "ledger") return [];
  const isAfter = ({ createdAtUs, id }: Instruction): boolean =>
    cursor === undefined ||
    createdAtUs < cursor.createdAtUs ||
    (createdAtUs === cursor.createdAtUs && id < cursor.id);
  return [...open]
    .filter((instruction) => matches(instruction, filter) && isAfter(instruction))
    .sort((a, b) => b.createdAtUs - a.createdAtUs || (a.id < b.id ? 1 : -1))
    .slice(0, limit);
}

function matches(instruction: Instruction, filter: InstructionFilter): boolean {
  const { agent, rule, status, sinceUs, untilUs } = filter;
  return (
    (agent === undefined || instruction.agent === agent) &&
    (rule === undefined || instruction.episode?.rule === rule) &&
    (status === undefined || instruction.status === status) &&
    (sinceUs === undefined || instruction.createdAtUs >= sinceUs) &&
    (untilUs === undefined || instruction.createdAtUs < untilUs)
  );
}

function parseStatus(text: string): InstructionStatus {
  if (isInstructionStatus(text)) return text;
  throw new MyelinError("INVALID_ARGUMENT", `${JSON.stringify(text)} is no status`, {
    hint: `One of ${instructionStatuses.join(", ")}.`,
  });
}
