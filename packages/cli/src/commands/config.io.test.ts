import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, suite, test } from "node:test";
import { myelin } from "./test-support.ts";

suite("myelin config", () => {
  const folder = mkdtempSync(join(tmpdir(), "myelin-config-"));
  after(() => rmSync(folder, { recursive: true }));
  const where = ["--data", join(folder, "data"), "--port", "0"];
  const file = join(folder, "no.pem");
  writeFileSync(file, "no certificate");

  test("refuses what a node would refuse, with the same words, and starts nothing", async () => {
    for (const flags of [
      ["--tls-cert", file],
      ["--tls-client-ca", file],
      ["--tls-cert", file, "--tls-key", join(folder, "none.pem")],
      ["--tls-cert", file, "--tls-key", file],
      ["--host", "0.0.0.0"],
      ["--admin-listen", "[::]:0"],
    ]) {
      const asked = await myelin(["config", ...where, ...flags]);
      assert.deepEqual([asked.code, asked.out], [2, ""], flags.join(" "));
      assert.deepEqual(readdirSync(folder), ["no.pem"]);
      const started = await myelin(["up", ...where, ...flags, "--log-level", "error"]);
      assert.deepEqual([started.code, started.err], [2, asked.err]);
      rmSync(join(folder, "data"), { recursive: true, force: true });
    }
  });

  test("tells all that a node would refuse together", async () => {
    const flags = ["--host", "0.0.0.0", "--tls-cert", file, "--tls-key", file];
    const { code, err } = await myelin(["config", ...where, ...flags]);
    assert.equal(code, 2);
    assert.match(err, /for 2 reasons\n.*no certificate with its key.*\n.*\n.*needs a token/);
  });

  test("shows what a node would start with", async () => {
    const flags = ["--host", "0.0.0.0", "--json"];
    const { code, out } = await myelin(["config", ...where, ...flags], { MYELIN_TOKEN: "secret" });
    assert.equal(code, 0);
    assert.match(out, /"key": "host",\s+"value": "0\.0\.0\.0",\s+"unit": null,\s+"from": "--host"/);
    assert.doesNotMatch(out, /secret/);
  });
});
