import type { NodeClient } from "../client/index.ts";
import { clockFindings } from "./clock.ts";
import { dataFindings, nodePidOf } from "./data.ts";
import { diskFindings } from "./disk.ts";
import type { Finding } from "./finding.ts";
import { limitFindings } from "./limits.ts";
import { machineFindings } from "./machine.ts";
import { type ListenPlace, portFinding } from "./port.ts";
import { versionFindings } from "./versions.ts";

/** What is looked at: a node's configuration, and the way to the node that may run. */
export interface Patient {
  readonly client: NodeClient;
  readonly version: string;
  /** Where the node is to listen. */
  readonly places: readonly ListenPlace[];
  readonly data: string;
  /** Connections that one lane may have. */
  readonly maxConnections: number;
  readonly lanes: number;
}

/** Looks at everything, and changes nothing but a file that it writes and removes. */
export async function examine(patient: Patient): Promise<Finding[]> {
  const nodePid = nodePidOf(patient.data);
  return [
    ...(await versionFindings(patient.client, patient.version)),
    ...(await clockFindings()),
    ...diskFindings(patient.data),
    ...(await dataFindings(patient.data)),
    ...(await Promise.all(patient.places.map((place) => portFinding(place, nodePid)))),
    ...limitFindings(patient.maxConnections, patient.lanes),
    ...machineFindings(patient.lanes),
  ];
}
