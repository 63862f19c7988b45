export type { Random } from "@myelin/core/random";
