import type { IncomingHttpHeaders } from "node:http";
import { isIP } from "node:net";
import { MyelinError } from "@myelin/core/errors";
import { isLoopbackAddress, isWildcard } from "./address.ts";

/** Which names the node answers to, and whose pages may call it. */
export interface OriginPolicy {
  /** The address listened on. */
  readonly host: string;
  /** Further names, without port, under which callers may reach the node. */
  readonly allowedHosts: readonly string[];
  /** Origins, such as `https://console.example`, whose pages may call the node besides its own. */
  readonly allowedOrigins: readonly string[];
}

/**
 * Keeps web pages of other origins from reading or sending. The Host check stops DNS rebinding,
 * where a page's own name is made to point here; the Origin and Sec-Fetch-Site checks stop pages
 * that call across origins. Callers that are no browsers send neither header.
 *
 * Returns the foreign origin that is allowed to read the answer, if it is one.
 * @throws MyelinError PERMISSION_DENIED, or INVALID_ARGUMENT when there is no usable Host header
 */
export function checkOrigin(
  policy: OriginPolicy,
  headers: IncomingHttpHeaders,
): string | undefined {
  const host = hostOf(headers.host);
  if (!isKnownHost(policy, host.hostname)) {
    throw new MyelinError(
      "PERMISSION_DENIED",
      `this node does not answer to the name "${host.hostname}"`,
      {
        hint: "Call it by its address, or start it with that name as an allowed host.",
        details: { host: host.hostname },
      },
    );
  }
  const origin = headers.origin;
  if (origin === undefined) {
    refuseCrossSite(headers);
    return undefined;
  }
  if (isSameOrigin(origin, host.host)) return undefined;
  if (policy.allowedOrigins.includes(origin)) return origin;
  throw foreignOrigin(origin);
}

function foreignOrigin(origin: string): MyelinError {
  return new MyelinError(
    "PERMISSION_DENIED",
    `pages of the origin "${origin}" may not call this node`,
    {
      hint: "Open the page from the node itself, or start the node with that origin as an allowed one.",
      details: { origin },
    },
  );
}

/** Browsers leave Origin out of simple GETs, but say where those come from; following a link is harmless. */
function refuseCrossSite(headers: IncomingHttpHeaders): void {
  const site = headers["sec-fetch-site"];
  if (site !== "cross-site" && site !== "same-site") return;
  if (headers["sec-fetch-mode"] === "navigate") return;
  throw foreignOrigin(site);
}

function hostOf(header: string | undefined): URL {
  const isPlain = header !== undefined && /^[A-Za-z0-9._:[\]-]+$/.test(header);
  const url = isPlain ? URL.parse(`http://${header}`) : null;
  if (url === null) {
    throw new MyelinError("INVALID_ARGUMENT", "the request has no usable Host header");
  }
  return url;
}

function isKnownHost(policy: OriginPolicy, hostname: string): boolean {
  const name = hostname.replace(/^\[(.*)\]$/, "$1").replace(/\.$/, "");
  if (name === "localhost" || name.endsWith(".localhost") || isLoopbackAddress(name)) return true;
  // A page cannot make an address, unlike a name, point elsewhere.
  if (isIP(name) !== 0 && isWildcard(policy.host)) return true;
  return (
    name === policy.host.toLowerCase() ||
    policy.allowedHosts.some((one) => one.toLowerCase() === name)
  );
}

function isSameOrigin(origin: string, host: string): boolean {
  const page = URL.parse(origin);
  if (page === null || (page.protocol !== "http:" && page.protocol !== "https:")) return false;
  return page.host === URL.parse(`${page.protocol}//${host}`)?.host;
}
