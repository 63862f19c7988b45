/** The peer broke the protocol; the connection ends with a close code (RFC 6455, section 7.4). */
export class WebSocketFault extends Error {
  override readonly name = "WebSocketFault";
  readonly closeCode: number;

  constructor(closeCode: number, message: string) {
    super(message);
    this.closeCode = closeCode;
  }
}
