/** `myelin run`: a supervised command as a part of an agent. */
export { runCommandAsAgent } from "./run.ts";
export type { RunFlags } from "./run-flags.ts";
