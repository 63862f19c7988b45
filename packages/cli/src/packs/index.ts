/** Packs: rule files that come with the command, each with its tests. */
export { type Pack, packNames, packOf, packs } from "./packs.ts";
