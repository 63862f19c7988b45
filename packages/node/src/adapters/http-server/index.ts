export { type HttpServer, type HttpServerOptions, createHttpServer } from "./http-server.ts";
