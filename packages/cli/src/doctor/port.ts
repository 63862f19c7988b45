import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { createServer } from "node:net";
import { type Finding, fail, ok } from "./finding.ts";

/** Whether a node can listen where it is to, and if not, who does; `nodePid` is who uses its directory. */
export async function portFinding(
  host: string,
  port: number,
  nodePid: number | undefined,
): Promise<Finding> {
  const code = await listenCode(host, port);
  if (code === undefined) return ok("port", port === 0 ? "a free one" : `${host}:${port} is free`);
  if (code !== "EADDRINUSE") {
    return fail(
      "port",
      `${host}:${port} cannot be listened on: ${code}`,
      code === "EACCES"
        ? "Use a port of 1024 or more, or give the process CAP_NET_BIND_SERVICE."
        : "Name an address of this machine with --host.",
    );
  }
  if (await isNode(host, port)) return ok("port", `a node serves at ${host}:${port}`);
  // One that speaks TLS may not talk with who has no certificate.
  const holder = holderOf(port);
  if (holder !== undefined && holder.pid === nodePid)
    return ok("port", `the node serves at ${host}:${port}`);
  const who = holder === undefined ? "another process" : `process ${holder.pid} (${holder.name})`;
  return fail(
    "port",
    `${host}:${port} is in use by ${who}`,
    "Stop that process, or name another port with --port.",
  );
}

function listenCode(host: string, port: number): Promise<string | undefined> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

async function isNode(host: string, port: number): Promise<boolean> {
  const name = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;
  const shown = name.includes(":") && !name.startsWith("[") ? `[${name}]` : name;
  try {
    const signal = AbortSignal.timeout(2000);
    const response = await fetch(`http://${shown}:${port}/healthz`, { signal });
    const body: unknown = await response.json();
    return JSON.stringify(body) === '{"status":"ok"}';
  } catch {
    return false;
  }
}

/** The process that listens on a TCP port, found by its socket; undefined where that cannot be seen. */
function holderOf(port: number): { readonly pid: number; readonly name: string } | undefined {
  const inodes = ["/proc/net/tcp", "/proc/net/tcp6"].flatMap((path) => listeners(path, port));
  if (inodes.length === 0) return undefined;
  for (const pid of numbersIn("/proc")) {
    const folder = `/proc/${pid}/fd`;
    for (const descriptor of numbersIn(folder)) {
      const [, inode = ""] = /^socket:\[(\d+)\]$/.exec(linkOf(`${folder}/${descriptor}`)) ?? [];
      if (inodes.includes(inode))
        return { pid: Number(pid), name: textOf(`/proc/${pid}/comm`).trim() };
    }
  }
  return undefined;
}

/** Inodes of the sockets that listen on a port (state 0A), as proc(5) lists them. */
function listeners(path: string, port: number): string[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return textOf(path)
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local = "", , state]) => local.endsWith(suffix) && state === "0A")
    .map((fields) => fields[9] ?? "");
}

function numbersIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
