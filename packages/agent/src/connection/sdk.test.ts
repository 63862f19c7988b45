import assert from "node:assert/strict";
import { test } from "node:test";
import manifest from "../../package.json" with { type: "json" };
import { sdk } from "./sdk.ts";

test("the SDK introduces itself by the package's version", () => {
  assert.equal(sdk.version, manifest.version);
});
