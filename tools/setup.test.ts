import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { suite, type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";

const setupPath = join(dirname(fileURLToPath(import.meta.url)), "setup.mjs");

/** Stands for npm: notes how it was called, and lays what an install leaves. */
const npmStandIn = `
import { appendFileSync, existsSync, mkdirSync, rmSync, symlinkSync } from "node:fs";
const { NODE_ENV, npm_config_omit, npm_config_registry } = process.env;
const call = { args: process.argv.slice(2), NODE_ENV, npm_config_omit, npm_config_registry };
appendFileSync("calls.ndjson", JSON.stringify(call) + "\\n");
if (existsSync("failures")) { rmSync("failures"); process.exit(1); }
rmSync("node_modules", { recursive: true, force: true });
const folder = "node_modules/node-" + process.platform + "-" + process.arch + "/bin";
mkdirSync(folder, { recursive: true });
symlinkSync(process.execPath, folder + "/node");
`;

interface Call {
  readonly args: readonly string[];
  readonly NODE_ENV?: string;
  readonly npm_config_omit?: string;
  readonly npm_config_registry?: string;
}

interface Checkout {
  readonly path: (name: string) => string;
  readonly calls: () => Call[];
  readonly setup: (
    environment?: Record<string, string>,
  ) => Promise<{ code: number; output: string }>;
}

function makeCheckout(t: TestContext): Checkout {
  const folder = mkdtempSync(join(tmpdir(), "myelin-setup-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = (name: string): string => join(folder, name);
  mkdirSync(path("tools"));
  copyFileSync(setupPath, path("tools/setup.mjs"));
  writeFileSync(path("package-lock.json"), "{}");
  mkdirSync(path("npm"));
  writeFileSync(path("npm/package.json"), `{ "type": "module" }`);
  writeFileSync(path("npm/npm-cli.js"), npmStandIn);
  return {
    path,
    calls: () => {
      if (!existsSync(path("calls.ndjson"))) return [];
      const lines = readFileSync(path("calls.ndjson"), "utf8").trim().split("\n");
      return lines.map((line) => JSON.parse(line) as Call);
    },
    setup: (environment = {}) =>
      new Promise((resolve) => {
        const npm = { npm_execpath: path("npm/npm-cli.js"), npm_node_execpath: process.execPath };
        const child = spawn(process.execPath, [path("tools/setup.mjs")], {
          env: { ...process.env, ...npm, ...environment },
          stdio: ["ignore", "pipe", "pipe"],
        });
        let output = "";
        child.stdout.on("data", (chunk) => (output += String(chunk)));
        child.stderr.on("data", (chunk) => (output += String(chunk)));
        child.on("close", (code) => resolve({ code: code ?? 1, output }));
      }),
  };
}

const platforms = ["linux-x64", "linux-arm64", "darwin-x64"];
const isCovered = platforms.includes(`${process.platform}-${process.arch}`);

suite("the setup", { skip: !isCovered }, () => {
  test("installs by the lockfile, whatever the environment says, and links Node", async (t) => {
    const checkout = makeCheckout(t);
    const { code, output } = await checkout.setup({
      NODE_ENV: "production",
      npm_config_omit: "dev,optional",
      npm_config_registry: "https://registry.example",
    });
    assert.equal(code, 0, output);
    const [call, ...more] = checkout.calls();
    assert.equal(more.length, 0);
    assert.deepEqual(call?.args.slice(0, 2), ["ci", "--ignore-scripts"]);
    assert.equal(call?.NODE_ENV, undefined);
    assert.equal(call?.npm_config_omit, undefined);
    assert.equal(call?.npm_config_registry, "https://registry.example");
    assert.ok(existsSync(checkout.path("node_modules/.bin/node")));
    assert.ok(!existsSync(checkout.path(".build/setup.lock")));
  });

  test("does and says nothing when all is there", async (t) => {
    const checkout = makeCheckout(t);
    await checkout.setup();
    assert.deepEqual(await checkout.setup(), { code: 0, output: "" });
    assert.equal(checkout.calls().length, 1);
  });

  test("installs again when the lockfile has changed", async (t) => {
    const checkout = makeCheckout(t);
    await checkout.setup();
    writeFileSync(checkout.path("package-lock.json"), `{ "name": "changed" }`);
    await checkout.setup();
    assert.equal(checkout.calls().length, 2);
  });

  test("links Node again when npm has pruned it, without an install", async (t) => {
    const checkout = makeCheckout(t);
    await checkout.setup();
    rmSync(checkout.path("node_modules/.bin/node"));
    assert.equal((await checkout.setup()).code, 0);
    assert.ok(existsSync(checkout.path("node_modules/.bin/node")));
    assert.equal(checkout.calls().length, 1);
  });

  test("tries again when an install fails", async (t) => {
    const checkout = makeCheckout(t);
    writeFileSync(checkout.path("failures"), "");
    assert.equal((await checkout.setup()).code, 0);
    assert.equal(checkout.calls().length, 2);
  });

  test("run twice at once installs once", async (t) => {
    const checkout = makeCheckout(t);
    const results = await Promise.all([checkout.setup(), checkout.setup()]);
    assert.deepEqual(
      results.map(({ code }) => code),
      [0, 0],
    );
    assert.equal(checkout.calls().length, 1);
  });

  test("takes over the lock of one that died", async (t) => {
    const checkout = makeCheckout(t);
    const child = spawn(process.execPath, ["--version"], { stdio: "ignore" });
    await new Promise((resolve) => child.on("close", resolve));
    mkdirSync(checkout.path(".build"));
    writeFileSync(checkout.path(".build/setup.lock"), String(child.pid));
    assert.equal((await checkout.setup()).code, 0);
    assert.equal(checkout.calls().length, 1);
  });
});
