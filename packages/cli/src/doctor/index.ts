/** `myelin doctor`: what of this machine keeps a node from working well, and what to do about it. */
export { type Consultation, consult } from "./consult.ts";
export { examine } from "./examine.ts";
export type { Finding } from "./finding.ts";
