export { type NodeAddress, NodeClient } from "./client.ts";
