import { execFileSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Files of a certificate and its key. */
export interface CertificateFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/** An authority in a folder of its own, with the certificates it has made. */
export class Authority implements Disposable {
  readonly folder: string = mkdtempSync(join(tmpdir(), "myelin-tls-"));
  readonly caFile: string = join(this.folder, "ca.crt");
  #made = 0;

  constructor() {
    const key = join(this.folder, "ca.key");
    const request = ["req", "-x509", ...newKey, "-keyout", key, "-out", this.caFile];
    openssl([...request, "-days", "2", "-subj", "/CN=Myelin test authority"]);
  }

  get ca(): string {
    return readFileSync(this.caFile, "utf8");
  }

  /** A certificate for a name of this machine's; one for no name of it is of use to clients. */
  issue(name: string, subjectAltName = "IP:127.0.0.1,DNS:localhost"): CertificateFiles {
    const base = join(this.folder, `${this.#made++}-${name}`);
    const [keyFile, requestFile, certFile, extFile] = ["key", "csr", "crt", "ext"].map(
      (ending) => `${base}.${ending}`,
    ) as [string, string, string, string];
    writeFileSync(extFile, `subjectAltName=${subjectAltName}\n`);
    openssl(["req", ...newKey, "-keyout", keyFile, "-out", requestFile, "-subj", `/CN=${name}`]);
    const signing = ["x509", "-req", "-in", requestFile, "-out", certFile, "-days", "1"];
    const authority = ["-CA", this.caFile, "-CAkey", join(this.folder, "ca.key")];
    openssl([...signing, ...authority, "-CAcreateserial", "-extfile", extFile]);
    return { certFile, keyFile };
  }

  /** Puts a certificate and its key in the place of others, as who renews them does. */
  replace(at: CertificateFiles, by: CertificateFiles): void {
    copyFileSync(by.certFile, at.certFile);
    copyFileSync(by.keyFile, at.keyFile);
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];

function openssl(args: readonly string[]): void {
  execFileSync("openssl", args, { stdio: ["ignore", "ignore", "pipe"] });
}
