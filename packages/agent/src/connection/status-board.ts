import type { AgentStatus } from "./status.ts";

/** Shows the present status, and tells whoever listens. */
export class StatusBoard {
  readonly #listeners = new Set<(status: AgentStatus) => void>();
  #status: AgentStatus = { state: "idle" };

  get status(): AgentStatus {
    return this.#status;
  }

  /** Shows another status. What a listener throws is thrown again by itself, as the platform does for events. */
  set(status: AgentStatus): void {
    this.#status = status;
    for (const listener of [...this.#listeners]) {
      try {
        listener(status);
      } catch (thrown) {
        queueMicrotask(() => {
          throw thrown;
        });
      }
    }
  }

  /** Calls `listener` at each change, until the returned function is called. */
  listen(listener: (status: AgentStatus) => void): () => void {
    // A function of its own, so that listening twice with one function means twice.
    const entry = (status: AgentStatus): void => listener(status);
    this.#listeners.add(entry);
    return () => {
      this.#listeners.delete(entry);
    };
  }
}
