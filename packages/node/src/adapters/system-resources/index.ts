export { systemResources } from "./system-resources.ts";
