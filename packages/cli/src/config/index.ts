/** The configuration of a node: its keys, and what is in force from file, environment and flags. */
export { type Bounds, boundKeys } from "./bounds.ts";
export { type ConfigFlags, configFlags } from "./flags.ts";
export { splitAddress } from "./forms.ts";
export { lanePortsOf, maxPort, nodeOptionsOf, problemsOf } from "./node-options.ts";
export { type Configuration, type InForce, readConfiguration } from "./resolve.ts";
export { shownEntry } from "./shown.ts";
export { type ConfigKey, configKeys, flagOf, type NodeConfig, variableOf } from "./schema.ts";
