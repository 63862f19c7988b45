import { MyelinError } from "@myelin/core/errors";

/** @throws MyelinError AUTHENTICATION_REQUIRED for a listener beyond loopback where there is no token */
export function assertGuarded(host: string, hasToken: boolean): void {
  if (isLoopbackHost(host) || hasToken) return;
  throw new MyelinError(
    "AUTHENTICATION_REQUIRED",
    `a node that listens on ${host} can be reached from other machines, so it needs a token`,
  );
}

/** True for names and addresses that only this machine can reach. */
export function isLoopbackHost(host: string): boolean {
  return (
    host === "localhost" || host === "::1" || host === "[::1]" || /^127(?:\.\d{1,3}){3}$/.test(host)
  );
}
