import { buildRouteMap, type RouteMap } from "@stricli/core";
import { agentCommand, agentsCommand } from "./commands/agents.ts";
import { auditCommand } from "./commands/audit.ts";
import { backupCommand } from "./commands/backup.ts";
import { breakerRoutes } from "./commands/breaker.ts";
import { cancelCommand } from "./commands/cancel.ts";
import { completionsCommand } from "./commands/completions.ts";
import { configCommand } from "./commands/config.ts";
import { debugRoutes } from "./commands/debug.ts";
import { demoCommand } from "./commands/demo.ts";
import { enforceRoutes } from "./commands/enforce.ts";
import { doctorCommand } from "./commands/doctor.ts";
import { initRoutes } from "./commands/init.ts";
import { ledgerCommand } from "./commands/ledger.ts";
import { restoreCommand } from "./commands/restore.ts";
import { rulesRoutes } from "./commands/rules.ts";
import { runCommand } from "./commands/run.ts";
import { sendCommand } from "./commands/send.ts";
import { tokenRoutes } from "./commands/token.ts";
import { topCommand } from "./commands/top.ts";
import { upCommand } from "./commands/up.ts";
import { watchCommand } from "./commands/watch.ts";
import type { CliContext } from "./context.ts";

/** Every command of `myelin`. */
export const routes: RouteMap<CliContext> = buildRouteMap<string, CliContext>({
  docs: { brief: "Myelin: the nervous system of a fleet of AI agents" },
  routes: {
    up: upCommand,
    run: runCommand,
    agents: agentsCommand,
    agent: agentCommand,
    send: sendCommand,
    cancel: cancelCommand,
    rules: rulesRoutes,
    enforce: enforceRoutes,
    ledger: ledgerCommand,
    watch: watchCommand,
    top: topCommand,
    breaker: breakerRoutes,
    token: tokenRoutes,
    audit: auditCommand,
    init: initRoutes,
    config: configCommand,
    backup: backupCommand,
    restore: restoreCommand,
    doctor: doctorCommand,
    debug: debugRoutes,
    completions: completionsCommand(() => routes),
    demo: demoCommand,
  },
  aliases: { rule: "rules" },
});
