import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "@myelin/core/clock";
import { seededRandom } from "@myelin/core/random";
import { type Caller, TokenBook } from "../access/index.ts";
import { createMemoryStore } from "../adapters/memory-store/index.ts";
import type { ApiResponse } from "./router.ts";
import { endWithToken } from "./token-end.ts";

/** An answer that goes on, of a caller with a token: `open` has its head written, `written` is its body. */
async function answered({ lastWords }: Pick<ApiResponse, "lastWords">): Promise<{
  readonly book: TokenBook;
  readonly open: () => void;
  readonly written: string[];
}> {
  const book = new TokenBook({
    clock: new VirtualClock(0),
    store: createMemoryStore({}),
    random: seededRandom(1),
    onStoreError: (error) => assert.fail(error),
  });
  const { record } = await book.create({ role: "reader", name: "looker" }, "local");
  const caller: Caller = {
    actor: "token:looker",
    role: "reader",
    tokenId: record.id,
    agents: undefined,
  };
  const source = { onDrain: () => undefined, onEnd: () => undefined };
  const response = {
    ...{ status: 200, body: undefined, stream: () => source },
    ...(lastWords === undefined ? {} : { lastWords }),
  };
  const answer = endWithToken(response, caller, book);
  const written: string[] = [];
  const open = (): void => {
    answer.stream?.({
      bufferedBytes: 0,
      write: (content) => void written.push(String(content)),
      end: () => void written.push("end"),
      destroy: () => void written.push("destroy"),
    });
  };
  return { book, open, written };
}

const lastWords = (why: Error): string => `goodbye: ${why.message}`;

test("an answer that goes on ends when its token is revoked, and only then", async () => {
  const { book, open, written } = await answered({ lastWords });
  open();
  await book.create({ role: "reader", name: "other" }, "local");
  await book.revoke("other", "local");
  assert.deepEqual(written, []);
  await book.revoke("looker", "local");
  assert.deepEqual(written, ["goodbye: the token looker was revoked", "end"]);
});

test("a token that is revoked before the answer has begun ends it as it begins", async () => {
  const { book, open, written } = await answered({ lastWords });
  await book.revoke("looker", "local");
  open();
  assert.deepEqual(written, ["goodbye: the token looker was revoked", "end"]);
});

test("an answer that cannot say why it ends is cut off, and nothing is added to it", async () => {
  const { book, open, written } = await answered({});
  open();
  await book.revoke("looker", "local");
  assert.deepEqual(written, ["destroy"]);
});
