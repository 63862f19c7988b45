/**
 * The Myelin SDK: makes a program an agent. Runs in Node and in the browser.
 *
 * @example
 * const agent = await connect({ id: "w1", type: "worker" });
 * agent.on("restart", async (instruction, { signal }) => ({ restarted: true }));
 * agent.report({ cpu_usage: 0.93 });
 */
export { Agent, type AgentState } from "./agent.ts";
export { connect, createAgent } from "./connect.ts";
export type { AgentStatus, BackoffOptions, ConnectOptions } from "./connection/index.ts";
export type { Handler, HandlerContext, HandlerOptions, Instruction } from "./instructions/index.ts";
export type { Metric, MetricOptions } from "./metric.ts";
export type { AgentOptions, AgentTlsFiles, Tier } from "./options.ts";
export type { ReportOptions } from "./report-options.ts";
export type { AgentStatistics } from "./statistics.ts";
