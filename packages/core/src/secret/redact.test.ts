import assert from "node:assert/strict";
import { test } from "node:test";
import { hidden, Redactor } from "./index.ts";

test("a secret that is told goes from every text, as it stands in JSON and in addresses too", () => {
  const redactor = new Redactor(['pa"ss wörd', undefined, "", "abc"]);
  assert.equal(redactor.text('it is pa"ss wörd!'), `it is ${hidden}!`);
  assert.equal(redactor.text(JSON.stringify({ a: 'pa"ss wörd' })), `{"a":"${hidden}"}`);
  assert.equal(redactor.text("?t=pa%22ss%20w%C3%B6rd"), `?t=${hidden}`);
  assert.equal(redactor.text("abc"), "abc", "what is too short to be a secret stays");
});

test("what looks like a secret goes though nobody told it", () => {
  const redactor = new Redactor([]);
  const cases = {
    [`myl_0a1b2c3d_${"x".repeat(43)} was refused`]: `${hidden} was refused`,
    "authorization: Bearer abc.def-123": `authorization: Bearer ${hidden}`,
    "https://user:pw@host:4318/v1 is down": `https://${hidden}@host:4318/v1 is down`,
    "-----BEGIN EC PRIVATE KEY-----\nMHc\n-----END EC PRIVATE KEY-----\n": `${hidden}\n`,
    "http://127.0.0.1:7400/a@b": "http://127.0.0.1:7400/a@b",
    "agent w1 joined": "agent w1 joined",
  };
  for (const [text, clean] of Object.entries(cases)) assert.equal(redactor.text(text), clean);
});

test("in documents, fields with the name of a secret are hidden, and others stay", () => {
  const document = {
    rules: [{ name: "hot", args: { apiKey: "k-1", api_key: "k-2", grace: "2s" } }],
    dbPassword: "p",
    token: "t",
    tokens: 3,
    tokenId: "id1",
    hasToken: true,
    note: "monkey",
  };
  assert.deepEqual(new Redactor(["monkey"]).document(document), {
    rules: [{ name: "hot", args: { apiKey: hidden, api_key: hidden, grace: "2s" } }],
    dbPassword: hidden,
    token: hidden,
    tokens: 3,
    tokenId: "id1",
    hasToken: true,
    note: hidden,
  });
});
