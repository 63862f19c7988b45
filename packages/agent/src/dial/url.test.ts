import assert from "node:assert/strict";
import { test } from "node:test";
import { endpointOf } from "./url.ts";

test("addresses lead to WebSockets and Unix sockets", () => {
  const cases: [string, string][] = [
    ["ws://127.0.0.1:7400", "ws://127.0.0.1:7400/myelin"],
    ["http://[::1]:7400/", "ws://[::1]:7400/myelin"],
    ["https://node.example/edge?x=1#part", "wss://node.example/edge?x=1"],
    ["unix:/run/myelin.sock", "/run/myelin.sock"],
    ["unix:///run/myelin.sock", "/run/myelin.sock"],
    ["unix:@myelin", "\0myelin"],
  ];
  for (const [address, expected] of cases) {
    const endpoint = endpointOf(address);
    assert.equal(endpoint.kind === "unix" ? endpoint.path : endpoint.url, expected);
  }
});

test("what is no address is refused", () => {
  for (const address of ["", "node", "ftp://node", "unix:", "ws://"]) {
    assert.throws(() => endpointOf(address), { code: "INVALID_ARGUMENT" });
  }
});
