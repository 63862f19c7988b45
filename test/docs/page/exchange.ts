import { eventually } from "./eventually.ts";
import { missingWord } from "./expectations.ts";
import { shapeDifference } from "./shape.ts";

interface Request {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

/**
 * The requests and answers of a page. What only reads is sent until its answer is as the page says:
 * agents and rules take their time. `{id}` in a request is the first instruction of an earlier answer,
 * `{token}` the token of one.
 */
export class Exchange {
  readonly #base: string;
  #request: Request | undefined;
  #answer: Answer = { status: 0, text: "" };
  #instructionId = "";
  #token = "";

  constructor(base: string) {
    this.#base = base;
  }

  /** Sends a request as written: method and path, headers, an empty line, the body. */
  async send(text: string): Promise<void> {
    const filled = text.replaceAll("{id}", this.#instructionId).replaceAll("{token}", this.#token);
    this.#request = requestOf(filled);
    await this.#fetch();
  }

  /** Throws unless the answer to the last request is like the example. */
  async expectDocument(status: number, example: unknown): Promise<void> {
    await this.#expect(({ status: got, text }) =>
      got === status ? shapeDifference(example, JSON.parse(text)) : `status ${got}: ${text}`,
    );
  }

  /** Throws unless the answer to the last request has the first word of each line of the example. */
  async expectWords(example: string): Promise<void> {
    await this.#expect(({ text }) => missingWord(example, text));
  }

  async #expect(fault: (answer: Answer) => string | undefined): Promise<void> {
    const isRepeatable = this.#request?.method === "GET";
    await eventually(async () => {
      const found = fault(this.#answer);
      if (found === undefined) return undefined;
      if (!isRepeatable) throw new Error(`${found}\n${this.#answer.text}`);
      await this.#fetch();
      return `${found}\n${this.#answer.text}`;
    });
  }

  async #fetch(): Promise<void> {
    if (this.#request === undefined) throw new Error("there is no request before");
    const { method, path, headers, body } = this.#request;
    const response = await fetch(new URL(path, this.#base), {
      method,
      headers,
      ...(body === undefined ? {} : { body }),
    });
    const text = await response.text();
    this.#instructionId = /"id":"([^"]+)","agent":/.exec(text)?.[1] ?? this.#instructionId;
    this.#token = /"token":"([^"]+)"/.exec(text)?.[1] ?? this.#token;
    this.#answer = { status: response.status, text };
  }
}

function requestOf(text: string): Request {
  const [head = "", ...rest] = text.trimEnd().split("\n\n");
  const [first = "", ...lines] = head.split("\n");
  const [method = "", path = ""] = first.split(" ");
  const headers = lines.map((line) => line.split(/: (.*)/s).slice(0, 2));
  return {
    method,
    path,
    headers: Object.fromEntries(headers) as Record<string, string>,
    body: rest.length === 0 ? undefined : rest.join("\n\n"),
  };
}
