import type { Sdk } from "@myelin/core/wire";

/** This SDK, as it introduces itself; the version is the package's. */
export const sdk: Sdk = { name: "myelin-js", version: "0.1.0" };
