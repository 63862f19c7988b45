export {
  type ActionInfo,
  type Agent,
  clockName,
  clockNameOf,
  type Hold,
  nodePartIndex,
  type Part,
  type Spending,
} from "./agent.ts";
export { type Admission, Registry, type RegistryOptions, type Slots } from "./registry.ts";
