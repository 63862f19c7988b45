import type { MyelinError } from "@myelin/core/errors";
import type { Caller, TokenBook } from "../access/index.ts";
import type { HttpResponse } from "../ports/transport.ts";
import type { ApiResponse } from "./router.ts";

/** An answer that goes on ends with the token that admitted its caller: with its last words, or cut off. */
export function endWithToken(
  answer: ApiResponse,
  { tokenId }: Caller,
  tokens: TokenBook | undefined,
): HttpResponse {
  const { stream, lastWords } = answer;
  if (stream === undefined || tokenId === undefined || tokens === undefined) return answer;
  return {
    ...answer,
    stream: (sink) => {
      const source = stream(sink);
      const end = (error: MyelinError): void => {
        if (lastWords === undefined) {
          sink.destroy();
          return;
        }
        sink.write(lastWords(error));
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
