/** Several lanes in one node: who belongs where, what a lane does for the front, and what the front asks of lanes. */
export { LaneAddresses, type LanePlaces } from "./addresses.ts";
export { busNameOf, frontName, type LaneDuties, laneOf } from "./duties.ts";
export { Front } from "./front.ts";
export { LaneService, laneTies } from "./lane-service.ts";
