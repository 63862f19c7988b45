import { nearestKey } from "./nearest.ts";
import { type ConfigKey, variableOf } from "./schema.ts";

const prefix = "MYELIN_";

/** Variables that agents and other commands read, so that a node leaves them alone. */
const foreign = [
  "MYELIN_URL",
  "MYELIN_CA",
  "MYELIN_CERT",
  "MYELIN_KEY",
  "MYELIN_CONFIG",
  "MYELIN_AGENT_ID",
  "MYELIN_AGENT_TYPE",
  "MYELIN_PART",
  "MYELIN_LABELS",
  "MYELIN_TIER",
  "MYELIN_CAPABILITIES",
  "MYELIN_ENCODING",
  "MYELIN_SUPERVISION",
] as const;

/** What is wrong with the names of the MYELIN_ variables: each that nobody reads, with the nearest that is read. */
export function unknownVariables(
  environment: Readonly<Record<string, string | undefined>>,
  keys: readonly ConfigKey[],
): string[] {
  const variables = new Map<string, string>();
  for (const { path, aliases = [] } of keys)
    for (const each of [path, ...aliases]) variables.set(each, variableOf(path));
  for (const name of foreign) variables.set(nameOf(name), name);
  const known = new Set(variables.values());
  return Object.entries(environment).flatMap(([name, value]) => {
    if (!name.startsWith(prefix) || known.has(name) || isServiceLink(name, value)) return [];
    const near = variables.get(nearestKey(nameOf(name), variables.keys()) ?? "") ?? "";
    return [`${name}: unknown variable; did you mean ${near}?`];
  });
}

function nameOf(variable: string): string {
  return variable.slice(prefix.length);
}

/** What Kubernetes tells every container of a service whose name begins with `myelin`; nobody wrote it for a node. */
function isServiceLink(name: string, value = ""): boolean {
  if (name.endsWith("_PORT") && /^(?:tcp|udp|sctp):\/\//.test(value)) return true;
  return /_SERVICE_(?:HOST|PORT(?:_\w+)?)$|_PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?$/.test(
    name,
  );
}
