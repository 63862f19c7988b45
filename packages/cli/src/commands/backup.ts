import { existsSync, renameSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import process from "node:process";
import { buildCommand, type Command } from "@stricli/core";
import { MyelinError } from "@myelin/core/errors";
import {
  type CliContext,
  clientOf,
  jsonFlag,
  type NodeFlags,
  nodeFlags,
  print,
} from "../context.ts";

interface BackupFlags extends NodeFlags {
  readonly data?: string;
  readonly force: boolean;
  readonly json: boolean;
}

/** `myelin backup FILE`: what a node keeps, in one file that was looked through. */
export const backupCommand: Command<CliContext> = buildCommand<BackupFlags, [string], CliContext>({
  docs: {
    brief: "Back up what a node keeps into one file, while it runs",
    fullDescription:
      "Takes a consistent copy of state and ledger from the running node, looks through it, and puts it at FILE when it is whole. With --data it copies the directory of a node that does not run.",
  },
  parameters: {
    flags: {
      ...nodeFlags,
      data: {
        kind: "parsed",
        parse: String,
        optional: true,
        brief: "Data directory of a node that does not run, instead of a node's address",
        placeholder: "DIR",
      },
      force: {
        kind: "boolean",
        default: false,
        brief: "Replace FILE where it exists",
        withNegated: false,
      },
      ...jsonFlag,
    },
    positional: {
      kind: "tuple",
      parameters: [{ parse: String, brief: "Where the backup goes", placeholder: "FILE" }],
    },
  },
  async func(flags, name) {
    const file = resolve(name);
    if (!flags.force && existsSync(file)) {
      throw new MyelinError("ALREADY_EXISTS", `${file} exists`, {
        hint: "Name another file, or give --force to replace it.",
      });
    }
    const { backupOfDirectory, nodeVersion, verifyBackup } = await import("@myelin/node");
    const bytes =
      flags.data === undefined
        ? await clientOf(this, flags).download("/api/v1/backup")
        : backupOfDirectory(resolve(flags.data), file, {
            version: nodeVersion,
            node: null,
            createdAtMs: Date.now(),
          });
    const partial = `${file}.partial-${process.pid}`;
    try {
      await write(partial, bytes);
      const manifest = await verifyBackup(partial);
      renameSync(partial, file);
      await syncFolder(dirname(file));
      const sizeBytes = manifest.files.reduce((sum, each) => sum + each.sizeBytes, 0);
      if (flags.json) print(this, { file, sizeBytes, manifest });
      else
        print(
          this,
          `backup ${file} is whole: ${manifest.files.length} files, ${sizeBytes} bytes, of ${manifest.createdAt}\n`,
        );
    } finally {
      rmSync(partial, { force: true });
    }
  },
});

async function write(path: string, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  try {
    const file = await open(path, "wx", 0o600);
    try {
      for await (const chunk of bytes) await file.writeFile(chunk);
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (cause) {
    throw writeError(path, cause);
  }
}

/** What the disk refused; what the node did, its client has told. */
function writeError(path: string, cause: unknown): MyelinError {
  if (cause instanceof MyelinError) return cause;
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  if (code === "ENOSPC" || code === "EDQUOT")
    return new MyelinError("STORAGE_FULL", `${path}: the disk is full`, { cause });
  if (cause instanceof Error && "syscall" in cause)
    return new MyelinError("STORAGE_UNAVAILABLE", `${path}: ${cause.message}`, { cause });
  return MyelinError.from(cause);
}

/** A name that is to survive the machine's crash needs its folder on disk. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === "win32") return;
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
