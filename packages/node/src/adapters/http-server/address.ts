import { isIP } from "node:net";

/** True for addresses that only this machine can have: 127.0.0.0/8, ::1, and the former mapped into IPv6. */
export function isLoopbackAddress(address: string): boolean {
  const plain = unmapped(address);
  return plain === "::1" || (isIP(plain) === 4 && plain.startsWith("127."));
}

/** An IPv4 address that arrived over an IPv6 socket, as IPv4; everything else as it is. */
export function unmapped(address: string): string {
  return address.startsWith("::ffff:") && isIP(address.slice(7)) === 4 ? address.slice(7) : address;
}

/** True for addresses that mean every interface. */
export function isWildcard(host: string): boolean {
  return host === "" || host === "0.0.0.0" || host === "::";
}

/** A host to listen on as a URL bears it; that of this machine for every interface. */
export function hostInUrl(host: string): string {
  if (isWildcard(host)) return "127.0.0.1";
  return isIP(host) === 6 ? `[${host}]` : host;
}

/** `host:port` as a URL bears it. */
export function authorityOf(host: string, port: number): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
}
