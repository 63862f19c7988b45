import type { ServerResponse } from "node:http";
import type { HttpResponse, ResponseSink } from "../../ports/transport.ts";
import { guards } from "./respond.ts";

/** Answers with a body that goes on; the connection ends with it. A HEAD request gets the head alone. */
export function streamAnswer(
  response: ServerResponse,
  answer: HttpResponse,
  stream: NonNullable<HttpResponse["stream"]>,
  extra: Readonly<Record<string, string>>,
): void {
  response.writeHead(answer.status, {
    ...guards,
    ...answer.headers,
    ...extra,
    connection: "close",
  });
  if (response.req.method === "HEAD") {
    response.end();
    return;
  }
  response.flushHeaders();
  const isOpen = (): boolean => !response.writableEnded && !response.destroyed;
  const sink: ResponseSink = {
    get bufferedBytes(): number {
      return response.writableLength;
    },
    write: (content) => void (isOpen() && response.write(content)),
    end: () => void response.end(),
    destroy: () => void response.destroy(),
  };
  const source = stream(sink);
  response.on("drain", () => source.onDrain());
  response.once("close", () => source.onEnd());
  response.on("error", () => {});
}
