export { createLoadMeter, type LoadMeter, type Totals } from "./load.ts";
