import { MyelinError } from "@myelin/core/errors";
import type { ResponseSink, ResponseSource } from "../ports/transport.ts";
import type { ApiHandler } from "./router.ts";

export interface BackupApiOptions {
  /** The bytes of a backup of what is kept now; absent for a node that keeps nothing. */
  readonly makeBackup?: (() => Promise<AsyncGenerator<Uint8Array>>) | undefined;
}

/** Bytes that wait for the network before no more are read. */
const maxBufferedBytes = 1 << 20;

/** POST /backup */
export function backupHandler({ makeBackup }: BackupApiOptions): ApiHandler {
  return async ({ http }) => {
    if (makeBackup === undefined) {
      throw new MyelinError("CONFLICT", "this node keeps nothing on disk", {
        hint: "Start it with a data directory.",
      });
    }
    const bytes = await makeBackup();
    const leave = (): void => void bytes.return(undefined).catch(() => undefined);
    if (http.signal.aborted) leave();
    else http.signal.addEventListener("abort", leave, { once: true });
    return {
      status: 200,
      headers: { "content-type": "application/x-tar" },
      body: undefined,
      stream: (sink) => pour(bytes, sink),
    };
  };
}

/** Writes bytes as fast as the network takes them. What cannot be read cuts the answer off. */
function pour(bytes: AsyncGenerator<Uint8Array>, sink: ResponseSink): ResponseSource {
  let isOver = false;
  let isReading = false;
  const go = async (): Promise<void> => {
    while (!isOver && sink.bufferedBytes < maxBufferedBytes) {
      const { done, value } = await bytes.next();
      if (done === true) {
        sink.end();
        return;
      }
      sink.write(value);
    }
  };
  const read = (): void => {
    if (isReading) return;
    isReading = true;
    void go()
      .catch(() => sink.destroy())
      .finally(() => (isReading = false));
  };
  read();
  return {
    onDrain: read,
    onEnd: () => {
      isOver = true;
      void bytes.return(undefined).catch(() => undefined);
    },
  };
}
