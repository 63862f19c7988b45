export { createPortBus, meshOf } from "./port-bus.ts";
