// The SDK where there is no Node: what a bundler makes of it for the browser.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { build } from "esbuild";

test("the SDK is bundled for browsers without Node's modules and what dials from Node", async () => {
  const { metafile } = await build({
    stdin: { contents: `export * from "@myelin/agent";`, resolveDir: import.meta.dirname },
    absWorkingDir: join(import.meta.dirname, "..", ".."),
    bundle: true,
    write: false,
    metafile: true,
    format: "esm",
    platform: "browser",
    logLevel: "silent",
  });
  const inputs = Object.keys(metafile.inputs);
  assert.ok(inputs.includes("packages/agent/src/dial/browser.ts"));
  const foreign = inputs.filter((path) => /node_modules\/ws\/|\/dial\/node|\.node\.ts$/.test(path));
  assert.deepEqual(foreign, []);
});
