export { type ErrorCode, type ErrorCodeInfo, errorCatalogue, isErrorCode } from "./catalogue.ts";
export { type ErrorDocument, MyelinError, type MyelinErrorOptions } from "./myelin-error.ts";
export { type TlsFault, tlsFaultOf } from "./tls-fault.ts";
