export { type HttpServer, type HttpServerOptions, createHttpServer } from "./http-server.ts";
export { checkTlsFiles, openTlsFiles, type TlsFiles, type TlsPaths } from "./tls-files.ts";
