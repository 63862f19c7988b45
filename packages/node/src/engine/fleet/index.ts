/** What the latest values of a metric come to over agents, kept by difference. */
export { Division } from "./division.ts";
export { FleetMetric } from "./fleet-metric.ts";
export { type DivisionShares, OtherShares } from "./shares.ts";
export { SlotHeap, SlotPlaces } from "./slot-heap.ts";
