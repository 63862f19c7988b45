export { Access, type Actor, assertGuarded, isLoopbackHost } from "./access.ts";
