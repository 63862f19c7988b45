import { createHash } from "node:crypto";

/** Sixteen bytes in base64. */
const keyForm = /^[+/0-9A-Za-z]{22}==$/;
/** By which a server shows that it means WebSocket (RFC 6455, section 1.3). */
const guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** True when a text can be the Sec-WebSocket-Key of a client. */
export function isKey(text: string): boolean {
  return keyForm.test(text);
}

/** The Sec-WebSocket-Accept that answers a Sec-WebSocket-Key. */
export function acceptOf(key: string): string {
  return createHash("sha1").update(`${key}${guid}`).digest("base64");
}
