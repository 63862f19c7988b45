export { type Act, Audit, type AuditOptions } from "./audit.ts";
