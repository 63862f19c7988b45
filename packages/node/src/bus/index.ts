export { busBounds, type BusLink, type BusMessage, LinkedBus } from "./linked-bus.ts";
