export { baseOf, type NodeAddress, NodeClient } from "./client.ts";
export type { ClientTlsFiles } from "./secure-fetch.ts";
