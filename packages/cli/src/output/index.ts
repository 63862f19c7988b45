export { errorText } from "./error.ts";
export { cell, numberOf, objectsOf } from "./json-view.ts";
export { readableUs, table } from "./table.ts";
export { fitted, printable, truncated, widthOf } from "./text.ts";
export { argumentErrorText, type Misuse, placeOf, unknownCommandText } from "./usage-error.ts";
