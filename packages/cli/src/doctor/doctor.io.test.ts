import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, suite, test } from "node:test";
import { startNode } from "@myelin/node";
import { NodeClient } from "../client/index.ts";
import { runningFinding, synchronizedFinding } from "./clock.ts";
import { spaceFinding, speedFinding } from "./disk.ts";
import { examine, type Finding } from "./index.ts";
import { openFilesFinding } from "./limits.ts";
import { backlogFindings, coresFinding, governorFindings, throttleFinding } from "./machine.ts";
import { nodeJsFinding, versionFinding } from "./versions.ts";

const flags = { host: "--host", port: "--port" };

suite("the doctor", () => {
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "myelin-doctor-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const look = async (patient: { port?: number; data?: string; url?: string } = {}) => {
    const findings = await examine({
      client: new NodeClient({ url: patient.url ?? "http://127.0.0.1:9", token: undefined }),
      version: "0.1.0",
      places: [{ check: "port", host: "127.0.0.1", port: patient.port ?? 0, flags }],
      data: patient.data ?? join(folder, "data"),
      maxConnections: 100,
      lanes: 1,
    });
    return (check: string): Finding => {
      const finding = findings.find((each) => each.check === check);
      assert.ok(finding !== undefined, `nothing was found of ${check}`);
      return finding;
    };
  };

  test("finds nothing wrong with a machine where a node could start", async () => {
    const of = await look();
    for (const check of ["Node.js", "versions", "data directory", "port", "disk writes"])
      assert.equal(of(check).status, "ok", check);
  });

  test("knows the node that runs, its port and its directory", async () => {
    const data = join(folder, "data");
    const node = await startNode({ port: 0, dataDirectory: data });
    try {
      const port = Number(new URL(node.httpUrl).port);
      const of = await look({ data, port, url: node.httpUrl });
      assert.match(of("versions").message, /^command 0\.1\.0, node 0\.1\.0 at /);
      assert.match(of("port").message, /^a node serves at /);
      assert.equal(of("data files").message, `in use by process ${process.pid}`);
    } finally {
      await node.close();
    }
  });

  test("knows the node by its process where its port does not answer, as one with TLS", async () => {
    const server = createServer((_, response) => response.end("else"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const data = join(folder, "data");
    mkdirSync(data, { mode: 0o700 });
    writeFileSync(join(data, "lock.pid"), `${process.pid}\n`);
    try {
      const { status } = (await look({ port, data }))("port");
      assert.equal(status, process.platform === "linux" ? "ok" : "fail");
    } finally {
      server.close();
    }
  });

  test("names the process that has the port", async () => {
    const server = createServer((_, response) => response.end("else"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    try {
      const finding = (await look({ port }))("port");
      assert.equal(finding.status, "fail");
      const who = process.platform === "linux" ? `process ${process.pid} ` : "another process";
      assert.ok(finding.message.includes(`127.0.0.1:${port} is in use by ${who}`), finding.message);
    } finally {
      server.close();
    }
  });

  test("says that others can enter the data directory, and how to mend it", async () => {
    const data = join(folder, "data");
    mkdirSync(data);
    chmodSync(data, 0o755);
    const finding = (await look({ data }))("data directory");
    assert.deepEqual([finding.status, finding.mend], ["warn", `chmod 700 ${data}`]);
  });

  test("says that the data directory cannot be made", async () => {
    const file = join(folder, "file");
    writeFileSync(file, "");
    const places = [join(file, "data"), ...(process.platform === "linux" ? ["/proc/data"] : [])];
    for (const data of places) {
      const finding = (await look({ data }))("data directory");
      assert.equal(finding.status, "fail", data);
      assert.match(finding.message, /cannot be made/);
    }
  });

  test("says that a file is damaged, or of a newer version", async () => {
    const data = join(folder, "data");
    const node = await startNode({ port: 0, dataDirectory: data });
    await node.close();
    assert.equal((await look({ data }))("windows").status, "ok");
    const log = join(data, "windows", "0-of-1", "00000001.log");
    writeFileSync(log, "no segment of a log");
    const { status, message } = (await look({ data }))("windows");
    assert.deepEqual([status, message], ["warn", `${log}: damaged`]);
    const recording = join(data, "recording", "0-of-1");
    mkdirSync(recording, { recursive: true });
    writeFileSync(join(recording, "00000001.log"), "no segment of a log");
    assert.equal((await look({ data }))("recording").status, "warn");
    const database = new DatabaseSync(join(data, "state.db"));
    database.exec("PRAGMA user_version = 1000");
    database.close();
    assert.match((await look({ data }))("data files").message, /^SCHEMA_TOO_NEW/);
    writeFileSync(join(data, "state.db"), "no database, and long enough to be looked at");
    assert.match((await look({ data }))("data files").message, /^STORAGE_CORRUPT/);
  });
});

suite("the doctor's judgement", () => {
  const statuses = (findings: readonly Finding[]): string => {
    for (const { status, mend } of findings) assert.equal(mend === undefined, status === "ok");
    return findings.map(({ status }) => status).join(" ");
  };

  test("of versions", () => {
    assert.equal(statuses([nodeJsFinding("26.10.0"), nodeJsFinding("20.1.0")]), "ok fail");
    const versions = ["1.2.9", "1.3.0"].map((each) => versionFinding("1.2.0", each, "here"));
    assert.equal(statuses(versions), "ok warn");
  });

  test("of the clock", () => {
    const now = Date.UTC(2026, 10, 21);
    const running = [runningFinding(now, 0.3), runningFinding(now, -900), runningFinding(0, 0)];
    assert.equal(statuses(running), "ok warn fail");
    const sources = [true, false, undefined].map(synchronizedFinding);
    assert.equal(statuses(sources), "ok warn warn");
  });

  test("of the disk", () => {
    const spaces = [2 ** 40, 2 ** 29, 2 ** 20].map((free) => spaceFinding("/", free));
    assert.equal(statuses(spaces), "ok warn fail");
    assert.equal(statuses([speedFinding(1), speedFinding(80)]), "ok warn");
  });

  test("of the limit of open files", () => {
    const limits = [Number.POSITIVE_INFINITY, 5000, 1024, 200];
    assert.equal(statuses(limits.map((each) => openFilesFinding(each, 2000))), "ok ok warn fail");
    const ofLanes = openFilesFinding(5000, 2000, 3);
    assert.equal(statuses([ofLanes]), "warn");
    assert.match(ofLanes.message, /is 2000 in each of 3 lanes$/);
  });

  test("of the machine", () => {
    const throttles = [
      throttleFinding("linux", () => true),
      throttleFinding("linux", () => false),
      throttleFinding("darwin", () => true),
    ];
    assert.equal(statuses(throttles), "ok warn warn");
    const cores = [coresFinding(2, 1), coresFinding(2, 2), coresFinding(1, 1), coresFinding(2, 3)];
    assert.equal(statuses(cores), "ok ok warn warn");
    const governors = ["performance\n", "powersave\n", undefined].flatMap(governorFindings);
    assert.equal(statuses(governors), "ok warn");
    assert.equal(statuses(["4096", "128", undefined].flatMap(backlogFindings)), "ok warn");
  });
});
