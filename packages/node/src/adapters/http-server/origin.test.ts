import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { MyelinError } from "@myelin/core/errors";
import { type OriginPolicy, checkOrigin } from "./origin.ts";

const policy: OriginPolicy = {
  host: "192.0.2.7",
  allowedHosts: ["Node.Example"],
  allowedOrigins: ["https://console.example"],
};

function verdict(headers: Record<string, string>, of: OriginPolicy = policy): string | undefined {
  try {
    return checkOrigin(of, headers) ?? "allowed";
  } catch (error) {
    return MyelinError.from(error).code;
  }
}

describe("the Host header", () => {
  const known = [
    "localhost",
    "localhost:7400",
    "LOCALHOST:7400",
    "localhost.:7400",
    "a.localhost:1",
    "127.0.0.1:7400",
    "127.9.9.9",
    "[::1]:7400",
    "192.0.2.7:7400",
    "node.example:7400",
    "NODE.example",
  ];
  for (const host of known)
    test(`${host} is known`, () => assert.equal(verdict({ host }), "allowed"));

  const foreign = [
    "evil.example",
    "evil.example:7400",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "notlocalhost",
    "192.0.2.8",
    "node.example.evil",
    "[2001:db8::1]",
  ];
  for (const host of foreign) {
    test(`${host} is refused`, () => assert.equal(verdict({ host }), "PERMISSION_DENIED"));
  }

  for (const host of [
    "",
    "a b",
    "localhost@evil.example",
    "x/y",
    "localhost, evil.example",
    "[::1",
    "a:99999",
  ]) {
    test(`${JSON.stringify(host)} is no host`, () =>
      assert.equal(verdict({ host }), "INVALID_ARGUMENT"));
  }
  test("without one a request is refused", () => assert.equal(verdict({}), "INVALID_ARGUMENT"));

  test("a node on every interface answers to any address, but not to any name", () => {
    const everywhere = { ...policy, host: "0.0.0.0" };
    assert.equal(verdict({ host: "198.51.100.4:7400" }, everywhere), "allowed");
    assert.equal(verdict({ host: "evil.example" }, everywhere), "PERMISSION_DENIED");
  });
});

describe("the Origin header", () => {
  const host = "localhost:7400";
  test("of the node itself is allowed", () => {
    assert.equal(verdict({ host, origin: "http://localhost:7400" }), "allowed");
    assert.equal(verdict({ host: "node.example", origin: "https://node.example" }), "allowed");
    assert.equal(verdict({ host: "node.example:443", origin: "https://node.example" }), "allowed");
  });
  test("of an allowed page is allowed and named, so that the page may read", () => {
    assert.equal(verdict({ host, origin: "https://console.example" }), "https://console.example");
  });
  const foreign = [
    "http://localhost",
    "http://localhost:3000",
    "http://127.0.0.1:7400",
    "https://evil.example",
    "http://console.example",
    "https://console.example.evil",
    "null",
    "",
    "file://",
    "chrome-extension://abc",
    "http://localhost:7400.evil.example",
  ];
  for (const origin of foreign) {
    test(`${JSON.stringify(origin)} is refused`, () => {
      assert.equal(verdict({ host, origin }), "PERMISSION_DENIED");
    });
  }
});

describe("a browser's fetch metadata", () => {
  const host = "localhost:7400";
  test("refuses what another site's page loads", () => {
    assert.equal(
      verdict({ host, "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors" }),
      "PERMISSION_DENIED",
    );
    assert.equal(
      verdict({ host, "sec-fetch-site": "same-site", "sec-fetch-mode": "no-cors" }),
      "PERMISSION_DENIED",
    );
  });
  test("lets a link be followed, and the node's own pages load", () => {
    assert.equal(
      verdict({ host, "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" }),
      "allowed",
    );
    assert.equal(
      verdict({ host, "sec-fetch-site": "same-origin", "sec-fetch-mode": "cors" }),
      "allowed",
    );
    assert.equal(
      verdict({ host, "sec-fetch-site": "none", "sec-fetch-mode": "navigate" }),
      "allowed",
    );
  });
});
