/** `myelin debug bundle`: what helps to find a fault, in one file, without secrets. */
export { type Bundle, gatherBundle } from "./bundle.ts";
