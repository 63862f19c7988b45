import { existsSync, mkdirSync, readFileSync, rmdirSync, statSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { MyelinError } from "@myelin/core/errors";
import { nearestExisting } from "./disk.ts";
import { type Finding, fail, ok, warn } from "./finding.ts";

/** Who may enter the data directory, who uses it, and whether its files can be read. */
export async function dataFindings(data: string): Promise<Finding[]> {
  if (!existsSync(data)) return [makingFinding(data)];
  const stat = statSync(data);
  if (!stat.isDirectory())
    return [fail("data directory", `${data} is no directory`, "Name another with --data.")];
  const user = process.geteuid?.();
  const access =
    user !== undefined && user !== 0 && stat.uid !== user
      ? fail("data directory", `${data} belongs to user ${stat.uid}`, `chown -R ${user} ${data}`)
      : (stat.mode & 0o077) === 0 || process.platform === "win32"
        ? ok("data directory", `${data} is its owner's only`)
        : warn("data directory", `${data} can be entered by others`, `chmod 700 ${data}`);
  if (access.status === "fail") return [access];
  const holder = nodePidOf(data);
  if (holder !== undefined) return [access, ok("data files", `in use by process ${holder}`)];
  return [access, await filesFinding(data), ...(await logFindings(data))];
}

async function filesFinding(data: string): Promise<Finding> {
  const { checkDataFiles } = await import("@myelin/node");
  try {
    checkDataFiles(data);
    return ok("data files", "sound, and of a schema that this version knows");
  } catch (thrown) {
    const error = MyelinError.from(thrown);
    return fail("data files", `${error.code}: ${error.message}`, error.hint);
  }
}

/** The logs that windows are taken up from when a node starts, and what it has recorded. */
async function logFindings(data: string): Promise<Finding[]> {
  const windows = await logFinding(
    data,
    "windows",
    "Nothing need be done: the next start tells of it, and windows fill anew.",
  );
  if (!existsSync(join(data, "recording"))) return [windows];
  const mend = "Move the folder recording away while the node does not run: it cannot be read.";
  return [windows, await logFinding(data, "recording", mend)];
}

async function logFinding(
  data: string,
  kind: "windows" | "recording",
  mend: string,
): Promise<Finding> {
  const { damageOfLogs, logBytes } = await import("@myelin/node");
  try {
    const damaged = await damageOfLogs(data, kind);
    const mebibytes = ((await logBytes(data, kind)) / 2 ** 20).toFixed(1);
    if (damaged.length === 0) return ok(kind, `sound, ${mebibytes} MiB`);
    return warn(kind, `${damaged.join(", ")}: damaged`, mend);
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    return fail(kind, reason, "Let this user read and write the data directory.");
  }
}

/** Makes a folder where the data directory will be made, or what leads to it, and takes it away again. */
function makingFinding(data: string): Finding {
  const place = nearestExisting(data);
  const trial = join(place, `.myelin-doctor-${process.pid}.d`);
  try {
    mkdirSync(trial, { mode: 0o700 });
    rmdirSync(trial);
    return ok("data directory", `${data} will be made`);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    return fail(
      "data directory",
      `${data} cannot be made: no folder can be made in ${place} (${code})`,
      "Let this user write there, or name another with --data.",
    );
  }
}

/** The process that noted itself as the user of a directory, while it lives. */
export function nodePidOf(data: string): number | undefined {
  const path = join(data, "lock.pid");
  const pid = existsSync(path) ? Number.parseInt(readFileSync(path, "utf8"), 10) : Number.NaN;
  if (!(pid > 0)) return undefined;
  try {
    process.kill(pid, 0);
    return pid;
  } catch (error) {
    const isThere = error instanceof Error && "code" in error && error.code === "EPERM";
    return isThere ? pid : undefined;
  }
}
