import { buildCommand, type Command } from "@stricli/core";
import { type ConfigFlags, configFlags } from "../config/index.ts";
import { type CliContext, jsonFlag, type NodeFlags, nodeFlags, print } from "../context.ts";
import { exitCodes } from "../exit-codes.ts";

interface DoctorFlags extends ConfigFlags, Omit<NodeFlags, "token"> {
  readonly json: boolean;
}

const { token: _, ...callFlags } = nodeFlags;
const marks = { ok: "ok  ", warn: "warn", fail: "FAIL" } as const;

/** `myelin doctor`: what keeps a node from working well here, and what to do. */
export const doctorCommand: Command<CliContext> = buildCommand<DoctorFlags, [], CliContext>({
  docs: {
    brief: "Say what keeps a node from working well here, and what mends it",
    fullDescription:
      "Looks at configuration, versions, clock, disk, data directory, ports, limits, cgroups and speed, for a node with this configuration, whether it runs or not. Exits 1 when something fails.",
  },
  parameters: { flags: { ...configFlags, ...callFlags, ...jsonFlag } },
  async func({ url, ca, cert, key, json, ...flags }) {
    const { consult } = await import("../doctor/index.ts");
    const { findings } = await consult(this, flags, { url, ca, cert, key });
    if (json) print(this, { findings });
    else
      for (const { check, status, message, mend } of findings) {
        print(this, `${marks[status]}  ${check.padEnd(20)}${message}\n`);
        if (mend !== undefined) print(this, `${" ".repeat(26)}${mend}\n`);
      }
    if (findings.some(({ status }) => status === "fail")) this.process.exitCode = exitCodes.failure;
  },
});
