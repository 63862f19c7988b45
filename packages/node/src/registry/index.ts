export {
  type ActionInfo,
  type Agent,
  clockName,
  clockNameOf,
  type Hold,
  nodePartIndex,
  type Part,
} from "./agent.ts";
export { type Admission, Registry, type RegistryOptions, type Slots } from "./registry.ts";
