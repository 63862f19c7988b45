import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, suite, test } from "node:test";
import {
  type ConfigFlags,
  type Configuration,
  configKeys,
  readConfiguration,
  variableOf,
} from "./index.ts";

const bounds = {
  session: { resumeWindowUs: 30e6, maxFrameBytes: 1 << 20 },
  limits: { maxRules: 10_000 },
};

suite("the configuration of a node", () => {
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "myelin-config-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const read = (
    flags: ConfigFlags = {},
    environment: Readonly<Record<string, string>> = {},
  ): Promise<Configuration> =>
    readConfiguration({
      flags,
      environment: { MYELIN_DATA: join(folder, "data"), ...environment },
      bounds,
      folder,
    });
  const write = (text: string, name = "myelin.yaml"): void =>
    writeFileSync(join(folder, name), text);
  const fromOf = ({ entries }: Configuration, path: string): string | undefined =>
    entries.find(({ key }) => key.path === path)?.from;
  const refusal = async (reading: Promise<unknown>): Promise<string> => {
    const error: unknown = await reading.catch((thrown: unknown) => thrown);
    assert.ok(error instanceof Error);
    return error.message;
  };

  test("is the defaults where nothing is given", async () => {
    const { node, file, session, limits } = await read();
    assert.equal(file, undefined);
    assert.deepEqual([node.host, node.port, node.tier], ["127.0.0.1", 7400, "edge"]);
    assert.deepEqual({ session, limits }, bounds);
  });

  test("comes from file, environment and flags, in rising order, and says from which", async () => {
    write("host: ::1\nport: 1\nlogLevel: warn\nnode: { id: a }\n");
    const environment = { MYELIN_PORT: "2", MYELIN_LOG_LEVEL: "error" };
    const configuration = await read({ logLevel: "debug" }, environment);
    const { host, port, logLevel, id } = configuration.node;
    assert.deepEqual([host, port, logLevel, id], ["::1", 2, "debug", "a"]);
    const froms = ["host", "port", "logLevel", "node.id", "node.tier"].map((path) =>
      fromOf(configuration, path),
    );
    const file = join(folder, "myelin.yaml");
    assert.deepEqual(froms, [`${file}:1`, "MYELIN_PORT", "--log-level", `${file}:4`, "default"]);
  });

  test("is read from the file named by the flag, else by the environment, else from here", async () => {
    write("port: 1");
    write("port: 2", "by-environment.yaml");
    write("port: 3", "by-flag.yaml");
    const environment = { MYELIN_CONFIG: "by-environment.yaml" };
    assert.equal((await read()).node.port, 1);
    assert.equal((await read({}, environment)).node.port, 2);
    assert.equal((await read({ config: "by-flag.yaml" }, environment)).node.port, 3);
  });

  test("is read from the data directory where none is here", async () => {
    const data = mkdtempSync(join(folder, "data-"));
    writeFileSync(join(data, "myelin.yaml"), "port: 4");
    assert.equal((await read({ data })).node.port, 4);
  });

  test("takes the description of a node as other programs write it", async () => {
    write(`node_config: { id: edge_node_001, type: cloud, capabilities: [vision, audio],
      location: living_room, status: active, neighbors: [device_tv] }`);
    const { node } = await read();
    assert.deepEqual(
      [node.id, node.tier, node.capability, node.location, node.status, node.neighbor],
      ["edge_node_001", "cloud", ["vision", "audio"], "living_room", "active", ["device_tv"]],
    );
  });

  test("takes bounds with their units", async () => {
    write("session: { resumeWindowUs: 1m, maxFrameBytes: 2MiB }");
    const { session, limits } = await read({}, { MYELIN_LIMITS_MAX_RULES: "7" });
    assert.deepEqual(session, { resumeWindowUs: 60e6, maxFrameBytes: 2 << 20 });
    assert.deepEqual(limits, { maxRules: 7 });
  });

  test("counts a relative path of the file from the file", async () => {
    write("data: kept\nunix: '@myelin'");
    const { node } = await readConfiguration({ flags: {}, environment: {}, bounds, folder });
    assert.deepEqual([node.data, node.unix], [join(folder, "kept"), "@myelin"]);
  });

  test("refuses unknown keys of the file and names the nearest, with file and line", async () => {
    const file = join(folder, "myelin.yaml");
    for (const [text, expected] of [
      ["prot: 1", `${file}:1: unknown key "prot"; did you mean port?`],
      [
        "port: 1\nnode:\n  neighbours: []",
        `${file}:3: unknown key "node.neighbours"; did you mean node.neighbors?`,
      ],
      [
        "limits: { maxRule: 1 }",
        `${file}:1: unknown key "limits.maxRule"; did you mean limits.maxRules?`,
      ],
      ["dataDir: x", `${file}:1: unknown key "dataDir"; did you mean data?`],
      ["maxRules: 1", `${file}:1: unknown key "maxRules"; did you mean limits.maxRules?`],
      ["admin-listen: x", `${file}:1: unknown key "admin-listen"; did you mean adminListen?`],
      ["log_level: info", `${file}:1: unknown key "log_level"; did you mean logLevel?`],
      ["tls: { ca: x }", `${file}:1: unknown key "tls.ca"; did you mean tls.clientCa?`],
      ["limits: { port: 1 }", `${file}:1: unknown key "limits.port"; did you mean port?`],
      ["neighbours: []", `${file}:1: unknown key "neighbours"; did you mean node.neighbors?`],
    ] as const) {
      write(text);
      assert.equal(await refusal(read()), expected);
    }
  });

  test("says what is expected instead of a wrong value", async () => {
    const file = join(folder, "myelin.yaml");
    for (const [text, expected] of [
      ["port: high", `${file}:1: port expects a port, a whole number from 0 to 65535`],
      ["port:", `${file}:1: port expects a port, a whole number from 0 to 65535`],
      ["node: edge", `${file}:1: node expects a map of keys`],
      ["allowHosts: one", `${file}:1: allowHosts expects a list of texts`],
      ["session: { resumeWindowUs: 30 }", /:1: session\.resumeWindowUs expects a duration .* 10ms/],
      ["[1]", `${file}:1: myelin.yaml expects a map of keys`],
      ["port: 1\nport: 2", /:2: .*unique/],
    ] as const) {
      write(text);
      const message = await refusal(read());
      if (typeof expected === "string") assert.equal(message, expected);
      else assert.match(message, expected);
    }
  });

  test("names a key for whatever is written", async () => {
    for (const written of ["zzz", "colour", "颜色", "x".repeat(1000), "'.'", "''"]) {
      write(`${written}: 1`);
      assert.match(await refusal(read()), /:1: unknown key ".*"; did you mean [\w.]+\?$/);
    }
  });

  test("refuses variables that nobody reads, and names the nearest", async () => {
    for (const [name, nearest] of [
      ["PROT", "PORT"],
      ["DATA_DIR", "DATA"],
      ["LOG", "LOG_LEVEL"],
      ["MAX_RULES", "LIMITS_MAX_RULES"],
      ["TLS_CERTIFICATE", "TLS_CERT"],
      ["TLS_CA", "TLS_CLIENT_CA"],
      ["CLIENT_CA", "TLS_CLIENT_CA"],
      ["ADMIN", "ADMIN_LISTEN"],
      ["ID", "NODE_ID"],
      ["TYPE", "NODE_TIER"],
      ["AGENTID", "AGENT_ID"],
    ])
      assert.equal(
        await refusal(read({}, { [`MYELIN_${name}`]: "1" })),
        `MYELIN_${name}: unknown variable; did you mean MYELIN_${nearest}?`,
      );
    assert.match(await refusal(read({}, { MYELIN_ZZZ: "" })), /^MYELIN_ZZZ: .* MYELIN_\w+\?$/);
    assert.equal(
      await refusal(read({}, { MYELIN_PORT: "x" })),
      'MYELIN_PORT: "x" is none: expects a port, a whole number from 0 to 65535',
    );
  });

  test("leaves the variables of agents and of other commands alone", async () => {
    const packages = new URL("../../../", import.meta.url);
    const names = ["agent/src", "cli/src"].flatMap((folder) =>
      readdirSync(new URL(folder, packages), { recursive: true, encoding: "utf8" })
        .filter((path) => path.endsWith(".ts") && !/test|^config\b/.test(path))
        .flatMap((path) => readFileSync(new URL(`${folder}/${path}`, packages), "utf8"))
        .flatMap((content) => [...content.matchAll(/"(MYELIN_[A-Z_]+)"|\b(MYELIN_[A-Z_]+):/g)])
        .map(([, used, made]) => used ?? made ?? ""),
    );
    const others = [...new Set(names)].filter(
      (name) => !/^MYELIN_(?:CONFIG|DATA|TOKEN)$/.test(name),
    );
    assert.ok(others.length >= 11, others.join(" "));
    await read({}, Object.fromEntries(others.map((name) => [name, "x"])));
  });

  test("leaves what Kubernetes says of services alone", async () => {
    await read(
      {},
      {
        MYELIN_SERVICE_HOST: "10.0.0.1",
        MYELIN_SERVICE_PORT_HTTP: "7400",
        MYELIN_NODE_PORT: "tcp://10.0.0.1:7400",
        MYELIN_PORT_7400_TCP_ADDR: "10.0.0.1",
      },
    );
    assert.match(await refusal(read({}, { MYELIN_PORT: "tcp://10.0.0.1:7400" })), /expects a port/);
  });

  test("tells all that is wrong together", async () => {
    write("prot: 1\nnode: { teir: edge }");
    const message = await refusal(read({}, { MYELIN_HOTS: "x" }));
    assert.match(message, /has 3 problems\n.*MYELIN_HOTS.*\n.*:1: .*\n.*:2: /);
  });

  test("needs the file that is named to be there", async () => {
    assert.match(await refusal(read({ config: "none.yaml" })), /there is no configuration .*none/);
  });

  test("has a variable of its own for each key", () => {
    const variables = Object.values(configKeys).map(({ path }) => variableOf(path));
    assert.equal(new Set(variables).size, variables.length);
    assert.equal(variableOf("node.neighbors"), "MYELIN_NODE_NEIGHBORS");
  });
});
