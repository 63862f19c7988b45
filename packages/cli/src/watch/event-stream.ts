import { isJsonObject, type JsonObject } from "@myelin/core/json";

/** A server-sent event; one without data only moves the cursor on. */
export interface StreamEvent {
  readonly name: string;
  /** The cursor, where the event has one. */
  readonly id: string | undefined;
  readonly data: JsonObject | undefined;
}

/** Most characters of one event. */
const maxCharacters = 16 << 20;

/** Reads server-sent events; what is incomplete at the end is dropped. @throws RangeError for an event without end */
export async function* readEvents(
  bytes: AsyncIterable<Uint8Array>,
  onBytes: () => void = () => undefined,
): AsyncGenerator<StreamEvent> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of bytes) {
    onBytes();
    rest += decoder.decode(chunk, { stream: true });
    const blocks = rest.split("\n\n");
    rest = blocks.pop() ?? "";
    if (rest.length > maxCharacters) throw new RangeError("an event is too long");
    for (const block of blocks) yield eventOf(block);
  }
}

function eventOf(block: string): StreamEvent {
  let [name, data] = ["message", ""];
  let id: string | undefined;
  for (const line of block.split("\n")) {
    const at = line.indexOf(":");
    if (at === 0) continue;
    const field = at < 0 ? line : line.slice(0, at);
    const value = at < 0 ? "" : line.slice(at + 1).replace(/^ /, "");
    if (field === "event") name = value;
    else if (field === "id") id = value;
    else if (field === "data") data += (data === "" ? "" : "\n") + value;
  }
  return { name, id, data: parsed(data) };
}

function parsed(text: string): JsonObject | undefined {
  if (text === "") return undefined;
  const document: unknown = JSON.parse(text);
  return isJsonObject(document) ? document : undefined;
}
