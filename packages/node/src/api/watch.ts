import { parseCursor, parseFilter, type Watch } from "../watch/index.ts";
import { requireKnown } from "./fields.ts";
import type { ApiHandler } from "./router.ts";

export interface WatchApiOptions {
  readonly watch: Watch;
}

/** GET /watch?kinds=&agent=&rule=&where=&cursor= : server-sent events, from the header Last-Event-ID or the cursor on */
export function watchHandler({ watch }: WatchApiOptions): ApiHandler {
  return ({ http: { query, headers } }) => {
    requireKnown(query, ["kinds", "agent", "rule", "where", "cursor"]);
    const given = (name: string): string | undefined => query.get(name) ?? undefined;
    const filter = parseFilter({
      kinds: given("kinds"),
      agent: given("agent"),
      rule: given("rule"),
      where: given("where"),
    });
    // Who comes again by itself sends the header, and the parameter it had at first.
    const place = headers["last-event-id"] || given("cursor");
    const cursor = place === undefined ? undefined : parseCursor(place);
    watch.requireRoom();
    return {
      status: 200,
      headers: { "content-type": "text/event-stream; charset=utf-8" },
      body: undefined,
      stream: (sink) => watch.open({ filter, cursor }, sink),
      lastWords: (why) => `event: goodbye\ndata: ${JSON.stringify(why)}\n\n`,
    };
  };
}
