import {
  defaultHttpBounds,
  defaultStorageBounds,
  type HttpBounds,
  type StorageBounds,
} from "./ports/bounds.ts";
import { type ArcSettings, defaultArcSettings } from "./settings.ts";

/** Every bound of a node but those of its sessions. */
export type NodeLimits = ArcSettings & HttpBounds & StorageBounds;

/** The bounds that hold unless others are given; `docs/limits.md` has them. */
export const defaultLimits: NodeLimits = {
  ...defaultArcSettings,
  ...defaultHttpBounds,
  ...defaultStorageBounds,
};
