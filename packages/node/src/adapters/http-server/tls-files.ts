/**
 * Certificate and key from files, read again when they change.
 *
 * Invariants
 * 1. What is given out can be used: key and certificate fit each other.
 * 2. Files that cannot be used, such as half of a new pair, change nothing; each such state is told once.
 */
import { type FSWatcher, watch } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import process from "node:process";
import { MyelinError } from "@myelin/core/errors";
import type { Clock, Timer } from "../../ports/clock.ts";

/** Where certificate and key lie, as PEM. */
export interface TlsPaths {
  /** The certificate, with those between it and its authority behind it. */
  readonly certFile: string;
  readonly keyFile: string;
  /** Authorities of clients' certificates; given, every client must show one. */
  readonly clientCaFile?: string;
}

/** What a server needs for TLS. */
export interface TlsMaterial {
  readonly cert: string;
  readonly key: string;
  readonly clientCa: string | undefined;
}

/** Told what becomes of changed files. */
export interface TlsListener {
  onChange(material: TlsMaterial): void;
  onUnfit(error: MyelinError): void;
}

/** Certificate and key, as they are now. */
export interface TlsFiles {
  readonly material: TlsMaterial;
  /** Tells what becomes of changed files; returns what ends the telling. */
  listen(listener: TlsListener): () => void;
  /** Reads the files again, as a change of theirs does; resolves when that is done. */
  reload(): Promise<void>;
  close(): void;
}

/** A pair of files is written one after the other: changes are gathered for so long. */
const gatherUs = 200_000;

/** @throws MyelinError INVALID_ARGUMENT naming what is wrong with the files */
export async function openTlsFiles(paths: TlsPaths, clock: Clock): Promise<TlsFiles> {
  const files = new WatchedTlsFiles(paths, clock, await read(paths));
  files.start();
  return files;
}

/** Looks whether the files can be used. @throws MyelinError INVALID_ARGUMENT naming what is wrong with them */
export async function checkTlsFiles(paths: TlsPaths): Promise<void> {
  await read(paths);
}

class WatchedTlsFiles implements TlsFiles {
  readonly #paths: TlsPaths;
  readonly #clock: Clock;
  readonly #listeners = new Set<TlsListener>();
  readonly #watchers: FSWatcher[] = [];
  #material: TlsMaterial;
  #timer: Timer | undefined;
  #lastProblem = "";
  #turn: Promise<void> = Promise.resolve();

  constructor(paths: TlsPaths, clock: Clock, material: TlsMaterial) {
    this.#paths = paths;
    this.#clock = clock;
    this.#material = material;
  }

  get material(): TlsMaterial {
    return this.#material;
  }

  listen(listener: TlsListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Folders are watched, not files: who renews a certificate renames a new file or a link into place. */
  start(): void {
    const { certFile, keyFile, clientCaFile } = this.#paths;
    const files = [certFile, keyFile, ...(clientCaFile === undefined ? [] : [clientCaFile])];
    for (const folder of new Set(files.map((file) => dirname(file)))) {
      try {
        const watcher = watch(folder, { persistent: false }, () => this.#changed());
        watcher.on("error", () => watcher.close());
        this.#watchers.push(watcher);
      } catch {
        // A file system that cannot be watched: SIGHUP reads the files again.
      }
    }
  }

  reload(): Promise<void> {
    this.#turn = this.#turn.then(() => this.#reload());
    return this.#turn;
  }

  close(): void {
    this.#timer?.cancel();
    for (const watcher of this.#watchers) watcher.close();
    this.#listeners.clear();
  }

  #changed(): void {
    this.#timer?.cancel();
    this.#timer = this.#clock.schedule(gatherUs, () => void this.reload());
  }

  async #reload(): Promise<void> {
    try {
      const material = await read(this.#paths);
      this.#lastProblem = "";
      const { cert, key, clientCa } = this.#material;
      if (material.cert === cert && material.key === key && material.clientCa === clientCa) return;
      this.#material = material;
      for (const listener of this.#listeners) listener.onChange(material);
    } catch (thrown) {
      const error = MyelinError.from(thrown);
      if (error.message === this.#lastProblem) return;
      this.#lastProblem = error.message;
      for (const listener of this.#listeners) listener.onUnfit(error);
    }
  }
}

async function read({ certFile, keyFile, clientCaFile }: TlsPaths): Promise<TlsMaterial> {
  const [cert, key, clientCa] = await Promise.all([
    textOf(certFile),
    textOf(keyFile),
    clientCaFile === undefined ? undefined : textOf(clientCaFile),
  ]);
  const material = { cert, key, clientCa };
  requireUsable(material, `${certFile} and ${keyFile}`);
  if (clientCa !== undefined && clientCaFile !== undefined)
    requireCertificates(clientCa, clientCaFile);
  return material;
}

function requireUsable({ cert, key }: TlsMaterial, names: string): void {
  try {
    process.getBuiltinModule("node:tls").createSecureContext({ cert, key });
  } catch (cause) {
    throw new MyelinError(
      "INVALID_ARGUMENT",
      `${names} are no certificate with its key: ${MyelinError.from(cause).message}`,
      {
        hint: "Give a certificate and the key it was made for, both as PEM without a password.",
        cause,
      },
    );
  }
}

function requireCertificates(text: string, file: string): void {
  try {
    const { X509Certificate } = process.getBuiltinModule("node:crypto");
    const certificates = text.match(/-----BEGIN CERTIFICATE-----[^]+?-----END CERTIFICATE-----/g);
    for (const certificate of certificates ?? [""]) new X509Certificate(certificate);
  } catch (cause) {
    throw new MyelinError("INVALID_ARGUMENT", `${file} has no certificates of authorities`, {
      hint: "Give the authorities' certificates as PEM.",
      cause,
    });
  }
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    throw new MyelinError("INVALID_ARGUMENT", `the file ${file} cannot be read`, {
      hint: "Name a file that is there, and that the node's user may read.",
      cause,
    });
  }
}
