import {
  createMemoryDisk,
  createMemoryStore,
} from "../../packages/node/src/adapters/memory-store/index.ts";
import { storeContract } from "./store-contract.ts";

storeContract("memory", async () => {
  const disk = createMemoryDisk();
  return {
    open: async (bounds) => createMemoryStore({ disk, ...bounds }),
    remove: async () => undefined,
  };
});
