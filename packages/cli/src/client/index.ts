export { baseOf, type NodeAddress, NodeClient } from "./client.ts";
