import { readFileSync } from "node:fs";

/** The demo's rule file, as a person would write it. */
export const demoRules: string = readFileSync(new URL("./rules.yaml", import.meta.url), "utf8");
