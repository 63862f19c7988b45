#!/usr/bin/env node
import { enableCompileCache } from "node:module";
import { homedir } from "node:os";
import { join } from "node:path";
import process from "node:process";

// Before anything else is loaded: from the second start on, modules come compiled. In a folder of
// the user's own, because what is in it is run.
const cacheHome = process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache");
enableCompileCache(join(cacheHome, "myelin"));
await import("./cli.ts");
