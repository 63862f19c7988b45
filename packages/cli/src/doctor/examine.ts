import type { NodeClient } from "../client/index.ts";
import { clockFindings } from "./clock.ts";
import { dataFindings, holderOf } from "./data.ts";
import { diskFindings } from "./disk.ts";
import type { Finding } from "./finding.ts";
import { limitFindings } from "./limits.ts";
import { machineFindings } from "./machine.ts";
import { portFinding } from "./port.ts";
import { versionFindings } from "./versions.ts";

/** What is looked at: a node's configuration, and the way to the node that may run. */
export interface Patient {
  readonly client: NodeClient;
  readonly version: string;
  readonly host: string;
  readonly port: number;
  readonly data: string;
  readonly maxConnections: number;
}

/** Looks at everything, and changes nothing but a file that it writes and removes. */
export async function examine(patient: Patient): Promise<Finding[]> {
  return [
    ...(await versionFindings(patient.client, patient.version)),
    ...(await clockFindings()),
    ...diskFindings(patient.data),
    ...(await dataFindings(patient.data)),
    await portFinding(patient.host, patient.port, holderOf(patient.data)),
    ...limitFindings(patient.maxConnections),
    ...machineFindings(),
  ];
}
