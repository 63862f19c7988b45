export { Access, type AccessOptions, type Actor, type Caller } from "./access.ts";
export { assertGuarded, isLoopbackHost } from "./loopback.ts";
export { endOfToken, parseAgentPattern, parseRole, parseTokenName } from "./token.ts";
export { TokenBook, type TokenBookOptions, type TokenWish } from "./token-book.ts";
