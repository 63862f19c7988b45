export { type HttpServer, type HttpServerOptions, createHttpServer } from "./http-server.ts";
export { hostInUrl, isWildcard } from "./address.ts";
export { checkTlsFiles, openTlsFiles, type TlsFiles, type TlsPaths } from "./tls-files.ts";
