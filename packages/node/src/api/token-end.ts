import type { MyelinError } from "@myelin/core/errors";
import type { Caller, TokenBook } from "../access/index.ts";
import type { HttpResponse } from "../ports/transport.ts";

/** An answer that goes on ends with the token that admitted its caller; its last event says why. */
export function endWithToken(
  answer: HttpResponse,
  { tokenId }: Caller,
  tokens: TokenBook | undefined,
): HttpResponse {
  const { stream } = answer;
  if (stream === undefined || tokenId === undefined || tokens === undefined) return answer;
  return {
    ...answer,
    stream: (sink) => {
      const source = stream(sink);
      const end = (error: MyelinError): void => {
        sink.write(`event: goodbye\ndata: ${JSON.stringify(error)}\n\n`);
        sink.end();
      };
      const stopListening = tokens.onEnd((token, error) => {
        if (token.id === tokenId) end(error);
      });
      // It may have ended between the caller's admission and here.
      const ended = tokens.endOf(tokenId);
      if (ended !== undefined) end(ended);
      return {
        onDrain: () => source.onDrain(),
        onEnd: () => {
          stopListening();
          source.onEnd();
        },
      };
    },
  };
}
