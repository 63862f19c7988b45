export type { Encoding, EncodingName } from "./encoding.ts";
export {
  encodingNamed,
  encodingNames,
  encodingOfSubprotocol,
  parseEncodingName,
  subprotocolOf,
} from "./encodings.ts";
