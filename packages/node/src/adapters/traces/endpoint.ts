import { MyelinError } from "@myelin/core/errors";

/** Where a collector takes traces, and what is shown to it. */
export interface Endpoint {
  readonly url: string;
  readonly headers: Record<string, string>;
}

/**
 * The endpoint of a collector's address: where it has no path, `/v1/traces`. Credentials in the address become a header.
 * @throws MyelinError INVALID_ARGUMENT
 */
export function endpointOf(address: string): Endpoint {
  const url = URL.parse(address);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new MyelinError("INVALID_ARGUMENT", "the address for traces is none of HTTP", {
      hint: "Write it like http://127.0.0.1:4318.",
    });
  }
  const { username, password } = url;
  url.username = "";
  url.password = "";
  if (url.pathname === "/") url.pathname = "/v1/traces";
  if (username === "" && password === "") return { url: url.href, headers: {} };
  const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  const authorization = `Basic ${Buffer.from(credentials).toString("base64")}`;
  return { url: url.href, headers: { authorization } };
}
