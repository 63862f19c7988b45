/** Packs: rule files that come with the command, each with its tests. */
export { type Pack, packOf, packs } from "./packs.ts";
