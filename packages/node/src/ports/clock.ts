export type { Clock, Timer } from "@myelin/core/clock";
