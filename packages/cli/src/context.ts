import type { CommandContext, StricliProcess, TypedFlagParameter } from "@stricli/core";
import type { TlsFileNames } from "@myelin/agent/tls-files";
import { MyelinError } from "@myelin/core/errors";
import { type NodeAddress, NodeClient } from "./client/index.ts";

/** What every command works with. */
export interface CliContext extends CommandContext {
  readonly process: StricliProcess;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborted by SIGINT or SIGTERM. */
  readonly signal: AbortSignal;
}

/** Flags of every command that calls a node. */
export interface NodeFlags {
  readonly url?: string;
  readonly token?: string;
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

type OptionalText = TypedFlagParameter<string | undefined, CliContext>;

/** The flags' description for the command line library. */
export const nodeFlags: { readonly [Name in keyof Required<NodeFlags>]: OptionalText } = {
  url: {
    kind: "parsed",
    parse: String,
    optional: true,
    brief: "Address of the node (MYELIN_URL; default http://127.0.0.1:7400)",
    placeholder: "URL",
  },
  token: {
    kind: "parsed",
    parse: String,
    optional: true,
    brief: "Token to show the node (better: MYELIN_TOKEN)",
    placeholder: "TOKEN",
  },
  ca: fileFlag("Authorities to trust over https: besides the system's, as PEM (MYELIN_CA)"),
  cert: fileFlag("Certificate to show a node that asks for one, as PEM (MYELIN_CERT)"),
  key: fileFlag("Key of that certificate, as PEM (MYELIN_KEY)"),
};

function fileFlag(brief: string): OptionalText {
  return { kind: "parsed", parse: String, optional: true, brief, placeholder: "FILE" };
}

/** The flag of every command that can print JSON. */
export const jsonFlag: { readonly json: TypedFlagParameter<boolean, CliContext> } = {
  json: { kind: "boolean", default: false, brief: "Print JSON", withNegated: false },
};

/** Address of the node from flags and environment. */
export function addressOf(context: CliContext, flags: NodeFlags): NodeAddress {
  return {
    url: flags.url ?? (context.env["MYELIN_URL"] || "http://127.0.0.1:7400"),
    token: flags.token ?? (context.env["MYELIN_TOKEN"] || undefined),
    tls: tlsFilesOf(context, flags),
  };
}

/** @throws MyelinError INVALID_ARGUMENT for a certificate without its key, which would not be shown, and the reverse */
function tlsFilesOf({ env }: CliContext, flags: NodeFlags): TlsFileNames {
  const ca = flags.ca ?? (env["MYELIN_CA"] || undefined);
  const cert = flags.cert ?? (env["MYELIN_CERT"] || undefined);
  const key = flags.key ?? (env["MYELIN_KEY"] || undefined);
  if ((cert === undefined) !== (key === undefined)) {
    throw new MyelinError(
      "INVALID_ARGUMENT",
      key === undefined ? "a certificate without its key" : "a key without its certificate",
      { hint: "Give both files: --cert and --key, or MYELIN_CERT and MYELIN_KEY." },
    );
  }
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
}

/** A client of the node that flags and environment name. It warns when the node's enforcement is off. */
export function clientOf(context: CliContext, flags: NodeFlags): NodeClient {
  const address = addressOf(context, flags);
  return new NodeClient(address, () =>
    context.process.stderr.write(
      `warning: ENFORCEMENT IS OFF at ${address.url}: rules decide, and nothing is sent (\`myelin enforce\`)\n`,
    ),
  );
}

/** Prints a line, or a document as JSON. */
export function print(context: CliContext, content: unknown): void {
  context.process.stdout.write(
    typeof content === "string" ? content : `${JSON.stringify(content, null, 2)}\n`,
  );
}

/** Resolves at SIGINT or SIGTERM. */
export async function untilStopped(context: CliContext): Promise<void> {
  if (context.signal.aborted) return;
  await new Promise<void>((resolve) =>
    context.signal.addEventListener("abort", () => resolve(), { once: true }),
  );
}
