import assert from "node:assert/strict";
import { test } from "node:test";
import { Access, assertGuarded, isLoopbackHost } from "./index.ts";

test("without a token everybody who reaches the node is admitted", () => {
  const access = new Access(undefined);
  assert.equal(access.requiresToken, false);
  assert.equal(access.admit(undefined), "local");
  assert.equal(access.admit("whatever"), "local");
});

test("with a token only its bearer is admitted", () => {
  const access = new Access("s3cret");
  assert.equal(access.requiresToken, true);
  assert.equal(access.admit("s3cret"), "token");
  for (const wrong of [undefined, "", "s3cre", "s3crets", "S3CRET"])
    assert.throws(() => access.admit(wrong), { code: "UNAUTHENTICATED" });
});

test("the token is read from an Authorization header of the bearer scheme only", () => {
  assert.equal(Access.tokenOf("Bearer abc.DEF-1_2~3+4/5=="), "abc.DEF-1_2~3+4/5==");
  assert.equal(Access.tokenOf("bearer  abc"), "abc");
  for (const header of [undefined, "", "abc", "Basic abc", "Bearer", "Bearer a b"])
    assert.equal(Access.tokenOf(header), undefined);
});

test("a node that listens beyond loopback needs a token", () => {
  for (const host of ["0.0.0.0", "::", "192.168.1.7", "example.org", "localhost.example.org", ""]) {
    assert.throws(() => assertGuarded(host, undefined), { code: "AUTHENTICATION_REQUIRED" });
    assertGuarded(host, "s3cret");
  }
  for (const host of ["127.0.0.1", "127.1.2.3", "::1", "[::1]", "localhost"]) {
    assert.equal(isLoopbackHost(host), true);
    assertGuarded(host, undefined);
  }
});
