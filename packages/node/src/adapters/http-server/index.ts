export { type HttpServer, type HttpServerOptions, createHttpServer } from "./http-server.ts";
export { openTlsFiles, type TlsFiles, type TlsPaths } from "./tls-files.ts";
