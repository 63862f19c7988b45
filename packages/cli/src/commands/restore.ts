import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { buildCommand, type Command } from "@stricli/core";
import { MyelinError } from "@myelin/core/errors";
import { type CliContext, jsonFlag, print } from "../context.ts";

interface RestoreFlags {
  readonly data: string;
  readonly force: boolean;
  readonly json: boolean;
}

/** `myelin restore FILE --data DIR`: a backup becomes a data directory. */
export const restoreCommand: Command<CliContext> = buildCommand<RestoreFlags, [string], CliContext>(
  {
    docs: {
      brief: "Restore a backup into a data directory",
      fullDescription:
        "Looks through the backup, then puts its files into DIR. A directory that a node uses is refused, and one that is not empty too, unless --force: then what is in it is moved aside, into DIR/before-restore-….",
    },
    parameters: {
      flags: {
        data: {
          kind: "parsed",
          parse: String,
          brief: "Data directory to restore into; made where there is none",
          placeholder: "DIR",
        },
        force: {
          kind: "boolean",
          default: false,
          brief: "Move aside what is in the directory",
          withNegated: false,
        },
        ...jsonFlag,
      },
      positional: {
        kind: "tuple",
        parameters: [{ parse: String, brief: "The backup", placeholder: "FILE" }],
      },
    },
    async func({ data, force, json }, name) {
      const archive = resolve(name);
      if (!existsSync(archive)) {
        throw new MyelinError("NOT_FOUND", `there is no ${archive}`, {
          hint: "Name a file that `myelin backup` has made.",
        });
      }
      const { restoreBackup } = await import("@myelin/node");
      const directory = resolve(data);
      const { manifest, movedTo } = await restoreBackup({
        archive,
        directory,
        isForced: force,
        nowMs: Date.now(),
      });
      if (json) {
        print(this, { directory, movedTo: movedTo ?? null, manifest });
        return;
      }
      if (movedTo !== undefined) print(this, `what was there is in ${movedTo}\n`);
      print(
        this,
        `${directory} is as of ${manifest.createdAt}; start it with myelin up --data ${data}\n`,
      );
    },
  },
);
