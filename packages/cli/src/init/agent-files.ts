import { version } from "../version.ts";

/** Files of a new agent, by their names. */
export type NewFiles = ReadonlyMap<string, string>;

/** An id, and a package's name, from the name of a folder. */
export function idOfFolder(name: string): string {
  const id = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9._-]+/g, "-")
    .replaceAll(/^[._-]+|[._-]+$/g, "")
    .slice(0, 64);
  return id === "" ? "agent" : id;
}

/** A small agent in TypeScript that runs as it is: Node strips the types. */
export function agentInTypeScript(id: string): NewFiles {
  return new Map([
    ["package.json", manifest(id)],
    ["agent.ts", program(id)],
    ["README.md", readme(id)],
  ]);
}

function manifest(id: string): string {
  const document = {
    name: id,
    version: "0.0.0",
    private: true,
    type: "module",
    scripts: { start: "node agent.ts" },
    engines: { node: ">=24" },
    dependencies: { "@myelin/agent": version },
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

function program(id: string): string {
  return `import process from "node:process";
import { createAgent } from "@myelin/agent";

const agent = createAgent({ id: process.env["MYELIN_AGENT_ID"] ?? "${id}", type: "worker" });
agent.onStatus((now) => console.log("cause" in now ? \`\${now.state}: \${now.cause?.message}\` : now.state));
agent.on("greet", ({ args }) => ({ greeting: \`hello, \${args["name"] ?? "world"}\` }));
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => void agent.close());

await agent.connect().catch(({ code }) => (process.exitCode = code === "CANCELED" ? 0 : 1));
setInterval(() => agent.report({ mem_bytes: process.memoryUsage.rss() }), 1000).unref();
`;
}

function readme(id: string): string {
  return `# ${id}

An agent: it joins a Myelin node, reports \`mem_bytes\` every second, and performs the action \`greet\`.

    npm install
    npm start

It looks for its node at \`MYELIN_URL\` (\`ws://127.0.0.1:7400\` unless set), and shows it \`MYELIN_TOKEN\` where one is asked for. \`myelin up\` starts a node on this machine. Beside it:

    myelin agent ${id}
    myelin send greet --to ${id} --arg name=you

What it does is in \`agent.ts\`.
`;
}
