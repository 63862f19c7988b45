// The SDK and the rules' checker where there is no Node: what a bundler makes of them for the browser.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { createContext, runInContext } from "node:vm";
import { build } from "esbuild";

function bundled(contents: string) {
  return build({
    stdin: { contents, resolveDir: import.meta.dirname },
    absWorkingDir: join(import.meta.dirname, "..", ".."),
    bundle: true,
    write: false,
    metafile: true,
    format: "iife",
    globalName: "Bundle",
    platform: "browser",
    logLevel: "silent",
  });
}

test("the SDK is bundled for browsers without Node's modules and what dials from Node", async () => {
  const { metafile } = await bundled('export * from "@myelin/agent";');
  const inputs = Object.keys(metafile.inputs);
  assert.ok(inputs.includes("packages/agent/src/dial/browser.ts"));
  const foreign = inputs.filter((path) => /node_modules\/ws\/|\/dial\/node|\.node\.ts$/.test(path));
  assert.deepEqual(foreign, []);
});

test("rules are checked and expressions evaluated where there is nothing of Node's", async () => {
  const { outputFiles } = await bundled('export * from "@myelin/core/rules";');
  const text = outputFiles[0]?.text ?? "";
  assert.doesNotMatch(text, /"node:/);
  const told: unknown = runInContext(
    `${text}
    const { rules, problems } = Bundle.parseRuleFile("rules:\\n- { name: right, expr: cpu > 0.9 for 3s, action: stop }\\n- { name: wrong, expr: cpu < 'x', action: stop }");
    const expression = Bundle.compileExpression("used.matches('^a+$') && size(used) > 1", { used: "string" });
    JSON.stringify([rules.map(({ name }) => name), problems.map(({ line }) => line), expression.evaluate({ used: "aa" })]);`,
    createContext({ TextEncoder, TextDecoder }),
  );
  assert.equal(told, "[[],[3],true]");
});
