/** The part index of what the node itself observes about an agent, such as `heartbeat_age`; its time line is the node's. */
export const nodePart = 0;

/** How many parts, the node's own included, one agent can have. */
export const partsPerAgent = 16;
