import process from "node:process";
import { MyelinError, tlsFaultOf } from "@myelin/core/errors";
import type { NodeClient } from "../client/index.ts";
import { oldestNode } from "../oldest-node.ts";
import { cell } from "../output/index.ts";
import { type Finding, fail, ok, warn } from "./finding.ts";

/** Who speaks TLS cuts off who does not. */
const cutCodes: ReadonlySet<string> = new Set(["ECONNRESET", "UND_ERR_SOCKET"]);

/** The version of Node.js, and the command's beside that of the node that runs. */
export async function versionFindings(client: NodeClient, version: string): Promise<Finding[]> {
  return [nodeJsFinding(process.versions.node), await runningFinding(client, version)];
}

/** Whether a version of Node.js will do. */
export function nodeJsFinding(nodeJs: string): Finding {
  if (Number.parseInt(nodeJs, 10) >= oldestNode) return ok("Node.js", `version ${nodeJs}`);
  return fail(
    "Node.js",
    `version ${nodeJs}; ${oldestNode} or newer is needed`,
    `Install Node.js ${oldestNode} or newer.`,
  );
}

async function runningFinding(client: NodeClient, version: string): Promise<Finding> {
  try {
    const { version: running } = await client.get("/api/v1/node");
    return versionFinding(version, cell(running), client.address);
  } catch (thrown) {
    const error = MyelinError.from(thrown);
    if (error.code === "UNAVAILABLE" && !isThere(error))
      return ok("versions", `command ${version}; no node answers at ${client.address}`);
    return warn(
      "versions",
      `command ${version}; the node cannot be asked: ${error.message}`,
      error.hint,
    );
  }
}

/** True where somebody took the connection, and what TLS asks for was missing. */
function isThere({ cause }: MyelinError): boolean {
  for (let each: unknown = cause; each instanceof Error; each = each.cause) {
    const code = "code" in each ? String(each.code) : "";
    if (tlsFaultOf(code) !== undefined || cutCodes.has(code)) return true;
  }
  return false;
}

/** Compares by major and minor version; patches do not matter. */
export function versionFinding(command: string, running: string, address: string): Finding {
  const told = `command ${command}, node ${running} at ${address}`;
  const minor = (each: string): string => each.split(".", 2).join(".");
  if (minor(command) === minor(running)) return ok("versions", told);
  return warn("versions", told, "Upgrade the older of the two; one minor version apart works.");
}
