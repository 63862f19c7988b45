import type { SupervisorLink } from "./link.ts";
import { CpuShare, memoryLimitBytes, type ProcSampler } from "./proc-sampler.ts";

const slowIntervalMs = 1000;

/**
 * Reports what the supervised tree uses: CPU and memory at the sample rate, open files and I/O once a
 * second. While no process runs it says so once a second, so that rules over these figures end.
 */
export class UsageReporter {
  readonly #link: SupervisorLink;
  readonly #memoryBytes: number = memoryLimitBytes();
  readonly #timer: NodeJS.Timeout;
  #sampler: ProcSampler | undefined;
  #share: CpuShare = new CpuShare();
  #nextSlowMs = 0;

  constructor(link: SupervisorLink, sampleRateHz: number) {
    this.#link = link;
    this.#timer = setInterval(() => this.#tick(), 1000 / sampleRateHz);
  }

  /** Reports on this tree from now on; on none where there is no sampler. */
  watch(sampler: ProcSampler | undefined): void {
    this.#sampler = sampler;
    this.#share = new CpuShare();
    this.#nextSlowMs = 0;
    this.#tick();
  }

  /** The tree has ended. */
  unwatch(): void {
    this.#sampler = undefined;
    this.#reportNothing(performance.now());
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    const nowMs = performance.now();
    if (this.#sampler !== undefined) this.#reportUsage(this.#sampler, nowMs);
    else if (nowMs >= this.#nextSlowMs) this.#reportNothing(nowMs);
  }

  #reportUsage(sampler: ProcSampler, nowMs: number): void {
    sampler.readFast(nowMs);
    const { usage } = sampler;
    const cpuUsage = this.#share.advance(nowMs, usage.cpuNs);
    const samples: Record<string, number> = {
      mem_bytes: usage.residentBytes,
      mem_usage: usage.residentBytes / this.#memoryBytes,
      threads: usage.threads,
      processes: usage.processes,
    };
    // The first reading has no interval behind it, so there is no share yet.
    if (!Number.isNaN(cpuUsage)) samples["cpu_usage"] = cpuUsage;
    if (nowMs >= this.#nextSlowMs) {
      this.#nextSlowMs = nowMs + slowIntervalMs;
      sampler.readSlow();
      samples["open_files"] = usage.openFiles;
      if (!Number.isNaN(usage.readBytes)) {
        samples["io_read_bytes"] = usage.readBytes;
        samples["io_write_bytes"] = usage.writtenBytes;
      }
    }
    this.#link.report(samples);
  }

  #reportNothing(nowMs: number): void {
    this.#nextSlowMs = nowMs + slowIntervalMs;
    this.#link.report({
      cpu_usage: 0,
      mem_bytes: 0,
      mem_usage: 0,
      threads: 0,
      processes: 0,
      open_files: 0,
    });
  }
}
