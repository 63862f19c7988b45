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
