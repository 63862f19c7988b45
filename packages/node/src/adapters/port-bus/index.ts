export { createPortBus } from "./port-bus.ts";
