import assert from "node:assert/strict";
import { test } from "node:test";
import { tlsFaultOf } from "./index.ts";

test("what is wrong with TLS is said with what to do", () => {
  assert.match(tlsFaultOf("DEPTH_ZERO_SELF_SIGNED_CERT")?.hint ?? "", /--ca FILE/);
  assert.match(tlsFaultOf("ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED")?.hint ?? "", /--cert/);
  assert.match(tlsFaultOf("ERR_TLS_CERT_ALTNAME_INVALID")?.message ?? "", /another name/);
});

test("other codes are no faults of TLS", () => {
  for (const code of [undefined, "ECONNREFUSED", "toString"])
    assert.equal(tlsFaultOf(code), undefined);
});
