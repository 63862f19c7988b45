// The SDK where there is no Node: bundled for the browser, and run by one.
import assert from "node:assert/strict";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { suite, test } from "node:test";
import { startNode } from "@myelin/node";
import { build } from "esbuild";
import { chromium } from "playwright-core";

const page = `
import { connect } from "@myelin/agent";

globalThis.join = async (url) => {
  const agent = await connect({ url, id: "page", type: "browser" });
  agent.on("greet", async ({ args }) => ({ greeting: "hello " + args.name }));
  agent.report({ cpu_usage: 0.5 });
  globalThis.leave = () => agent.close();
};
`;

/** The page's program in one script, and the files of the repository that it is made of. */
async function bundle(): Promise<{ readonly script: string; readonly inputs: readonly string[] }> {
  const { outputFiles, metafile } = await build({
    stdin: { contents: page, resolveDir: import.meta.dirname },
    absWorkingDir: join(import.meta.dirname, "..", ".."),
    bundle: true,
    write: false,
    metafile: true,
    format: "iife",
    platform: "browser",
    logLevel: "silent",
  });
  return { script: outputFiles[0]?.text ?? "", inputs: Object.keys(metafile.inputs) };
}

function findBrowser(): string | undefined {
  const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
  const folders = (process.env.PATH ?? "").split(delimiter);
  return folders
    .flatMap((folder) => names.map((name) => join(folder, name)))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

suite("the SDK for the browser", () => {
  test("is bundled without Node's modules and what dials from Node", async () => {
    const { inputs } = await bundle();
    assert.ok(inputs.includes("packages/agent/src/dial/browser.ts"));
    const foreign = inputs.filter((path) =>
      /node_modules\/ws\/|\/dial\/node|\.node\.ts$/.test(path),
    );
    assert.deepEqual(foreign, []);
  });

  const executablePath = findBrowser();
  const skip = executablePath === undefined && "there is no Chromium: npm run setup, as root";
  test("joins a node from a page, and performs an instruction", { skip }, async () => {
    const node = await startNode({ port: 0, storage: "memory" });
    const browser = await chromium.launch({
      ...(executablePath !== undefined && { executablePath }),
      args: ["--no-sandbox", "--disable-dev-shm-usage"],
    });
    try {
      const tab = await browser.newPage();
      await tab.goto(`${node.httpUrl}/healthz`);
      await tab.addScriptTag({ content: (await bundle()).script });
      await tab.evaluate(`join(${JSON.stringify(node.url)})`);
      const order = { to: "page", action: "greet", args: { name: "page" }, wait: "10s" };
      const answer = await fetch(`${node.httpUrl}/api/v1/instructions`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(order),
      });
      const body = await answer.text();
      assert.equal(answer.status, 200, body);
      const { instructions } = JSON.parse(body) as {
        readonly instructions: readonly { readonly status: string; readonly result?: unknown }[];
      };
      assert.equal(instructions[0]?.status, "executed", body);
      assert.deepEqual(instructions[0]?.result, { greeting: "hello page" });
      await tab.evaluate("leave()");
    } finally {
      await browser.close();
      await node.close();
    }
  });
});
