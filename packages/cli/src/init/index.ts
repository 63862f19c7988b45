export { agentInTypeScript, idOfFolder } from "./agent-files.ts";
export { writeNewFiles } from "./write.ts";
