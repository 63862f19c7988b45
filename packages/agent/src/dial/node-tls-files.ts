// Whom a client in Node trusts over TLS, and what it shows. Also a door of the package, for what calls
// a node beside its agent.
import { readFileSync } from "node:fs";
import { getCACertificates } from "node:tls";
import { MyelinError } from "@myelin/core/errors";

/** Files of PEM: authorities to trust besides the system's, a certificate to show, and its key. */
export interface TlsFileNames {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** What a connection over TLS is opened with. */
export interface TlsMaterial {
  readonly ca?: string[];
  readonly cert?: string;
  readonly key?: string;
}

/**
 * Reads the files as they are now: they may be renewed while the agent runs.
 * @throws MyelinError UNAVAILABLE for one that cannot be read, which may be a renewal under way
 */
export function readTlsFiles({ ca, cert, key }: TlsFileNames): TlsMaterial {
  return {
    ...(ca === undefined ? {} : { ca: [...getCACertificates("default"), textOf(ca)] }),
    ...(cert === undefined ? {} : { cert: textOf(cert) }),
    ...(key === undefined ? {} : { key: textOf(key) }),
  };
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw new MyelinError("UNAVAILABLE", `the file ${file} cannot be read`, { cause });
  }
}
