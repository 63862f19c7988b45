import { buildCommand, type Command } from "@stricli/core";
import {
  type CliContext,
  clientOf,
  jsonFlag,
  type NodeFlags,
  nodeFlags,
  print,
} from "../context.ts";
import { exitCodes } from "../exit-codes.ts";
import { cell } from "../output/index.ts";

interface CancelFlags extends NodeFlags {
  readonly json: boolean;
}

/** `myelin cancel ID`: calls an instruction off that has not begun. */
export const cancelCommand: Command<CliContext> = buildCommand<CancelFlags, [string], CliContext>({
  docs: { brief: "Call an instruction off that has not begun" },
  parameters: {
    flags: { ...nodeFlags, ...jsonFlag },
    positional: {
      kind: "tuple",
      parameters: [
        {
          parse: String,
          brief: "Id of the instruction: `myelin ledger` has it",
          placeholder: "ID",
        },
      ],
    },
  },
  async func(flags, id) {
    const path = `/api/v1/instructions/${encodeURIComponent(id)}/cancel`;
    const instruction = await clientOf(this, flags).post(path, {});
    const { status, agent, action } = instruction;
    const isCanceled = status === "canceled";
    const outcome = isCanceled
      ? "is canceled"
      : `is ${cell(status)}: its agent was asked to drop it, and has not answered yet`;
    print(
      this,
      flags.json ? instruction : `instruction ${cell(action)} to ${cell(agent)} ${outcome}\n`,
    );
    if (!isCanceled) this.process.exitCode = exitCodes.failure;
  },
});
