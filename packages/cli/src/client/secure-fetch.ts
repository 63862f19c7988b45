import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import { Readable } from "node:stream";
import { readTlsFiles, type TlsFileNames, type TlsMaterial } from "@myelin/agent/tls-files";
import { MyelinError } from "@myelin/core/errors";

/** What of a fetch is used here. */
export interface SecureRequest {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal?: AbortSignal;
}

/** As `fetch` for `https:`, which takes neither authorities nor certificates. @throws MyelinError INVALID_ARGUMENT for files that cannot be read */
export async function fetchSecurely(
  url: URL,
  { method, headers, body, signal }: SecureRequest,
  files: TlsFileNames,
): Promise<Response> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const call = request(url, {
    method,
    headers,
    agent: false,
    ...materialOf(files),
    ...(signal === undefined ? {} : { signal }),
  });
  call.on("response", resolve);
  call.on("error", reject);
  call.end(body);
  const message = await promise;
  const { statusCode = 0 } = message;
  const hasBody = statusCode !== 204 && statusCode !== 304;
  if (!hasBody) message.resume();
  const answered = new Headers();
  for (const [name, values] of Object.entries(message.headersDistinct))
    for (const value of values ?? []) answered.append(name, value);
  // Node types the streams of the web apart from those of the platform; they are the same.
  const stream = hasBody ? (Readable.toWeb(message) as ReadableStream) : null;
  return new Response(stream, { status: statusCode, headers: answered });
}

function materialOf(files: TlsFileNames): TlsMaterial {
  try {
    return readTlsFiles(files);
  } catch (cause) {
    throw new MyelinError("INVALID_ARGUMENT", MyelinError.from(cause).message, {
      hint: "Name a file of PEM that is there with --ca, --cert and --key.",
      cause,
    });
  }
}
