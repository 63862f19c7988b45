export { cryptoRandom } from "./crypto-random.ts";
