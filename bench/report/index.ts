export { type BenchProcess, startProcess } from "./child.ts";
export {
  documentOf,
  exitCodeOf,
  type Figure,
  held,
  heldAbove,
  machine,
  median,
  type Report,
  tableOf,
} from "./figures.ts";
export { Helper } from "./messages.ts";
export { installPacked } from "./packed.ts";
export {
  cpuSeconds,
  cpuShare,
  fileLimit,
  passed,
  residentBytes,
  type Spent,
  spentDuring,
} from "./process.ts";
