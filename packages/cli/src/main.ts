#!/usr/bin/env node
import * as modules from "node:module";
import { homedir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { oldestNode } from "./oldest-node.ts";

if (Number.parseInt(process.versions.node, 10) < oldestNode) {
  process.stderr.write(
    `error UNSUPPORTED_PLATFORM: this is Node.js ${process.versions.node}\n  Install Node.js ${oldestNode} or newer, and run myelin with it.\n`,
  );
  process.exitCode = 2;
} else {
  // Before anything else is loaded: from the second start on, modules come compiled. In a folder of
  // the user's own, because what is in it is run.
  const cacheHome = process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache");
  modules.enableCompileCache(join(cacheHome, "myelin"));
  await import("./cli.ts");
}
