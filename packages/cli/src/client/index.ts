export { baseOf, type NodeAddress, NodeClient, reachableHost } from "./client.ts";
