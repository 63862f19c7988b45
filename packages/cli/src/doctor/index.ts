/** `myelin doctor`: what of this machine keeps a node from working well, and what to do about it. */
export { examine, type Patient } from "./examine.ts";
export type { Finding } from "./finding.ts";
export type { ListenPlace } from "./port.ts";
