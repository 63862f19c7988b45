import type { Clock } from "@myelin/core/clock";
import type { Random } from "@myelin/core/random";
import type { Access } from "./access/index.ts";
import type { Notice } from "./notice.ts";
import type { Resources } from "./ports/resources.ts";
import type { Store } from "./ports/store.ts";
import type { NodeIdentity, SessionSettings } from "./session/index.ts";
import type { ArcSettings } from "./settings.ts";

/** What an arc is made of: ports, and its bounds. */
export interface ArcOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly store: Store;
  readonly access: Access;
  readonly node: NodeIdentity;
  readonly sessionSettings: SessionSettings;
  readonly settings: ArcSettings;
  /** What the node uses; without it the node never counts as overloaded. */
  readonly resources?: Resources;
  readonly onNotice: (notice: Notice) => void;
}
