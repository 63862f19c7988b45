import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  createMemoryDisk,
  createMemoryStore,
} from "../../packages/node/src/adapters/memory-store/index.ts";
import { openSqliteStore } from "../../packages/node/src/adapters/sqlite-store/index.ts";
import { storeContract } from "./store-contract.ts";

storeContract("memory", async () => {
  const disk = createMemoryDisk();
  return {
    open: async (bounds) => createMemoryStore({ disk, ...bounds }),
    remove: async () => undefined,
  };
});

storeContract("SQLite", async () => {
  const directory = await mkdtemp(join(tmpdir(), "myelin-store-"));
  return {
    open: (bounds) => openSqliteStore({ directory, ...bounds }),
    remove: () => rm(directory, { recursive: true }),
  };
});
