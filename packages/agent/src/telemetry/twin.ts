import { isJsonObject, type JsonObject, type JsonValue } from "@myelin/core/json";
import { setOwn, toJsonObject } from "../json/index.ts";

/** Bounds of a state, which are the node's. */
const bounds = { maxBytes: 65_536, maxDepth: 16 };

/** The state that a part reports of itself, with the number of its changes. */
export class TwinState {
  #state: JsonObject = {};
  #sizeBytes = 0;
  #version = 0;

  /** How often it was changed. */
  get version(): number {
    return this.#version;
  }

  /** The present state; not to be changed. */
  get state(): JsonObject {
    return this.#state;
  }

  /**
   * Replaces the whole state.
   * @throws MyelinError INVALID_ARGUMENT, PAYLOAD_TOO_LARGE
   */
  set(state: object): void {
    const { value, sizeBytes } = toJsonObject(state, "state", bounds);
    this.#state = value;
    this.#sizeBytes = sizeBytes;
    this.#version++;
  }

  /**
   * Merges a patch (RFC 7396) into the state, and returns the patch as it was taken.
   * @throws MyelinError INVALID_ARGUMENT, PAYLOAD_TOO_LARGE
   */
  patch(patch: object): JsonObject {
    const { value, sizeBytes } = toJsonObject(patch, "patch", bounds);
    const state = merged(this.#state, value);
    let stateBytes = this.#sizeBytes + sizeBytes;
    // The sum counts replaced fields twice: measured anew only when it says that there is no room.
    if (stateBytes > bounds.maxBytes) stateBytes = toJsonObject(state, "state", bounds).sizeBytes;
    this.#state = state;
    this.#sizeBytes = stateBytes;
    this.#version++;
    return value;
  }
}

/** `target` with `patch` merged in; neither is changed. */
function merged(target: JsonObject, patch: JsonObject): JsonObject {
  const result: Record<string, JsonValue> = { ...target };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) {
      delete result[key];
    } else if (isJsonObject(value)) {
      const present = Object.hasOwn(result, key) ? result[key] : undefined;
      setOwn(result, key, merged(isJsonObject(present) ? present : {}, value));
    } else {
      setOwn(result, key, value);
    }
  }
  return result;
}
