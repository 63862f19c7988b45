import { resolve } from "node:path";
import { MyelinError } from "@myelin/core/errors";
import { parsePartName } from "@myelin/core/ids";
import { baseOf } from "../client/index.ts";
import { addressOf, type CliContext } from "../context.ts";
import type { RunFlags } from "./run-flags.ts";

/** The part as which the supervisor itself joins. */
export const supervisorPart = "supervisor";

/** Who the supervised command is, and where its node is. */
export interface AgentIdentity {
  readonly url: string;
  readonly id: string;
  readonly type: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly token?: string;
  /** Files of PEM: whom to trust over TLS, and what to prove oneself with. */
  readonly tls: { readonly ca?: string; readonly cert?: string; readonly key?: string };
}

/** @throws MyelinError INVALID_ARGUMENT */
export function identityOf(context: CliContext, flags: RunFlags): AgentIdentity {
  const { url, token, tls = {} } = addressOf(context, flags);
  // Before the command is started: an address that is none will not become one.
  if (!url.startsWith("unix:")) baseOf(url);
  const id = flags.id ?? context.env["MYELIN_AGENT_ID"];
  if (id === undefined || id === "") {
    throw new MyelinError("INVALID_ARGUMENT", "the agent needs an id", {
      hint: "Give --id ID, or set MYELIN_AGENT_ID.",
    });
  }
  return {
    url,
    id,
    type: flags.type ?? (context.env["MYELIN_AGENT_TYPE"] || "process"),
    labels: Object.fromEntries(flags.label ?? []),
    tls,
    ...(token === undefined ? {} : { token }),
  };
}

/**
 * The part that the command joins as; one named like the supervisor would take over its session.
 * @throws MyelinError INVALID_ARGUMENT
 */
export function commandPartOf(flags: RunFlags): string {
  const part = parsePartName(flags.part);
  if (part !== supervisorPart) return part;
  throw new MyelinError("INVALID_ARGUMENT", `the part ${part} is the supervisor's own`, {
    hint: "Give --part another name, or leave it out for app.",
  });
}

/** What lets an SDK in the command join the same agent without a word. */
export function childEnvironment(
  environment: CliContext["env"],
  { url, id, type, labels, token, tls }: AgentIdentity,
  part: string,
): Record<string, string | undefined> {
  return {
    ...environment,
    MYELIN_URL: url,
    MYELIN_AGENT_ID: id,
    MYELIN_AGENT_TYPE: type,
    MYELIN_PART: part,
    MYELIN_LABELS: Object.entries(labels)
      .map(([name, value]) => `${name}=${value}`)
      .join(","),
    ...(token === undefined ? {} : { MYELIN_TOKEN: token }),
    ...(tls.ca === undefined ? {} : { MYELIN_CA: resolve(tls.ca) }),
    ...(tls.cert === undefined ? {} : { MYELIN_CERT: resolve(tls.cert) }),
    ...(tls.key === undefined ? {} : { MYELIN_KEY: resolve(tls.key) }),
  };
}
