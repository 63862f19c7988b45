import assert from "node:assert/strict";
import { test } from "node:test";
import { errorCatalogue, isErrorCode, MyelinError } from "./index.ts";

test("every code of the catalogue says what happened, what to do, and its HTTP status", () => {
  const codes = Object.entries(errorCatalogue);
  assert.ok(codes.length > 30);
  for (const [code, { meaning, remedy, httpStatus }] of codes) {
    assert.match(code, /^[A-Z][A-Z_]+$/);
    assert.match(meaning, /^[A-Z].*\.$/, code);
    assert.match(remedy, /^[A-Z].*\.$/, code);
    assert.ok(httpStatus >= 400 && httpStatus < 600, code);
  }
});

test("only codes of the catalogue are codes", () => {
  assert.equal(isErrorCode("NOT_FOUND"), true);
  assert.equal(isErrorCode("NOT_A_CODE"), false);
  assert.equal(isErrorCode("toString"), false);
});

test("an error carries its code's remedy as hint unless it has a better one", () => {
  const plain = new MyelinError("NOT_FOUND", "no agent w9");
  assert.equal(plain.hint, errorCatalogue.NOT_FOUND.remedy);
  assert.equal(plain.isRetryable, false);
  assert.equal(
    new MyelinError("NOT_FOUND", "x", { hint: "Look elsewhere." }).hint,
    "Look elsewhere.",
  );
  assert.equal(new MyelinError("UNAVAILABLE", "x").isRetryable, true);
});

test("an error is the document that JSON makes of it, and back", () => {
  const error = new MyelinError("RULE_INVALID", "2 problems", {
    hint: "Mend them.",
    details: { problems: ["a", "b"] },
  });
  const document = JSON.parse(JSON.stringify(error)) as ReturnType<MyelinError["toJSON"]>;
  assert.deepEqual(document, {
    code: "RULE_INVALID",
    message: "2 problems",
    hint: "Mend them.",
    details: { problems: ["a", "b"] },
  });
  const read = MyelinError.fromDocument(document);
  assert.deepEqual(read.toJSON(), document);
});

test("a document of another Myelin is read as far as it goes", () => {
  const read = MyelinError.fromDocument({ code: "FROM_THE_FUTURE" as "INTERNAL" });
  assert.equal(read.code, "INTERNAL");
  assert.equal(read.message, "unknown error");
  assert.equal(read.hint, errorCatalogue.INTERNAL.remedy);
});

test("whatever was thrown becomes an error of ours, with the cause kept", () => {
  const ours = new MyelinError("BUSY", "full");
  assert.equal(MyelinError.from(ours), ours);
  const foreign = new TypeError("x is not a function");
  const wrapped = MyelinError.from(foreign);
  assert.deepEqual(
    [wrapped.code, wrapped.message, wrapped.cause],
    ["INTERNAL", foreign.message, foreign],
  );
  assert.equal(MyelinError.from("text").message, "text");
  assert.equal(MyelinError.from(undefined).code, "INTERNAL");
});
