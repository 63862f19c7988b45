import type { Channel, ChannelHandler } from "@myelin/core/channel";
import { MyelinError } from "@myelin/core/errors";

/** A channel that could not even be dialed: it ends at once, in a later turn of the loop. */
export function failedChannel(thrown: unknown, handler: ChannelHandler): Channel {
  const { code, message } = MyelinError.from(thrown);
  setTimeout(() => handler.onEnd({ code, reason: message }), 0);
  const nothing = (): void => {};
  return {
    bufferedBytes: 0,
    send: nothing,
    pause: nothing,
    resume: nothing,
    close: nothing,
    destroy: nothing,
  };
}
