/** A map that mostly has one entry. */
export { type Few, FewMap, type ReadonlyFew } from "./few-map.ts";
