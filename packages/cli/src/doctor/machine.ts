import { readFileSync } from "node:fs";
import { availableParallelism, totalmem } from "node:os";
import process from "node:process";
import { canThrottleByCgroup } from "../supervisor/index.ts";
import { type Finding, ok, warn } from "./finding.ts";

const enoughMemoryBytes = 512 << 20;
const enoughBacklog = 1024;

/** What supervised processes can be throttled by, and what would make a node faster. */
export function machineFindings(lanes: number): Finding[] {
  return [
    throttleFinding(process.platform, canThrottleByCgroup),
    coresFinding(availableParallelism(), lanes),
    memoryFinding(Math.min(process.constrainedMemory() || Number.POSITIVE_INFINITY, totalmem())),
    ...governorFindings(textOf("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")),
    ...backlogFindings(textOf("/proc/sys/net/core/somaxconn")),
  ];
}

/** What `myelin run` can do here. */
export function throttleFinding(platform: string, canThrottle: () => boolean): Finding {
  if (platform !== "linux") {
    return warn(
      "throttling",
      "there is none on this system, and processes are not measured",
      "Supervise processes on Linux.",
    );
  }
  if (canThrottle()) return ok("throttling", "by a cgroup's quota");
  return warn(
    "throttling",
    "by stopping and continuing: this user cannot make a cgroup with a quota",
    "Run `myelin run` where a cpu controller is delegated (systemd: Delegate=cpu), or leave it so.",
  );
}

/** Judges the cores there are for so many lanes. */
export function coresFinding(cores: number, lanes: number): Finding {
  if (lanes > cores) {
    const mend = "Give the node a core for each lane, or run as many lanes as there are cores.";
    return warn("cores", `${cores} for ${lanes} lanes`, mend);
  }
  if (cores >= 2) return ok("cores", `${cores}`);
  return warn("cores", `${cores}`, "Give the node two: one decides, one writes to the disk.");
}

function memoryFinding(bytes: number): Finding {
  const told = `${Math.floor(bytes / 2 ** 20).toLocaleString("en")} MiB`;
  if (bytes >= enoughMemoryBytes) return ok("memory", told);
  return warn(
    "memory",
    told,
    "Give it 512 MiB, or lower limits.maxAgents and session.maxSessions.",
  );
}

/** Judges how the cores' speed is governed, where that can be read. */
export function governorFindings(text: string | undefined): Finding[] {
  if (text === undefined) return [];
  const governor = text.trim();
  if (governor !== "powersave") return [ok("core speed", governor)];
  return [
    warn(
      "core speed",
      "powersave: cores that wake up slowly add to every latency",
      "Set the governor to performance (cpupower frequency-set -g performance).",
    ),
  ];
}

/** Judges how many connections may wait to be taken, where that can be read. */
export function backlogFindings(text: string | undefined): Finding[] {
  if (text === undefined) return [];
  const backlog = Number(text);
  if (backlog >= enoughBacklog) return [ok("connections waiting", `up to ${backlog}`)];
  return [
    warn(
      "connections waiting",
      `up to ${backlog}; a fleet that reconnects at once is refused in part`,
      `sysctl -w net.core.somaxconn=${enoughBacklog * 4}`,
    ),
  ];
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
