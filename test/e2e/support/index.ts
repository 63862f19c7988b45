export { eventually } from "./eventually.ts";
export { type Answer, mainPath, NodeProcess, temporaryDirectory } from "./node-process.ts";
export { AgentProcess } from "./agent-process.ts";
export { type Way, ways } from "./ways.ts";
