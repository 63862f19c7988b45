export { type Act, Audit, type AuditOptions, maxWaiting as maxAuditWaiting } from "./audit.ts";
