import { execFileSync } from "node:child_process";
import { whyNot } from "./permission.ts";

const probe = `myelin-probe-${process.pid}`;

/** False where networks can be made and broken, else why not. */
export const whyNoNetwork: string | false =
  whyNot("a network of its own", "ip", "netns", "add", probe) ||
  whyNot("a link between networks", "ip", "-n", probe, "link", "add", "p0", "type", "veth") ||
  whyNot("a broken network", "ip", "netns", "exec", probe, "iptables", "-A", "INPUT", "-j", "DROP");
whyNot("its end", "ip", "netns", "del", probe);

/** Which packets are lost, as the agent's side sees them. */
export type Loss = "INPUT" | "OUTPUT";

/** A network beside this machine's, with one wire between them. */
export class Network implements Disposable {
  /** This machine's address on the wire. */
  readonly address: string;
  /** Words before a command that is to run in the network. */
  readonly through: readonly string[];
  readonly #name: string;
  readonly #wire: string;

  constructor() {
    this.#name = `myelin-${process.pid}`;
    this.#wire = `my${process.pid}`;
    this.through = ["ip", "netns", "exec", this.#name];
    const [near, far] = [`10.213.${process.pid % 250}.1`, `10.213.${process.pid % 250}.2`];
    this.address = near;
    ip("netns", "add", this.#name);
    const peer = ["peer", "name", "wire", "netns", this.#name];
    ip("link", "add", this.#wire, "type", "veth", ...peer);
    ip("addr", "add", `${near}/30`, "dev", this.#wire);
    ip("link", "set", this.#wire, "up");
    ip("-n", this.#name, "addr", "add", `${far}/30`, "dev", "wire");
    ip("-n", this.#name, "link", "set", "wire", "up");
    ip("-n", this.#name, "link", "set", "lo", "up");
  }

  /** Packets vanish without a word. */
  lose(...losses: readonly Loss[]): void {
    for (const loss of losses) this.#filter("-A", loss);
  }

  /** Packets arrive again. */
  heal(...losses: readonly Loss[]): void {
    for (const loss of losses) this.#filter("-D", loss);
  }

  /** The cable is pulled, or plugged in again. */
  setLink(state: "up" | "down"): void {
    ip("link", "set", this.#wire, state);
  }

  [Symbol.dispose](): void {
    ip("netns", "del", this.#name);
  }

  #filter(change: "-A" | "-D", loss: Loss): void {
    ip("netns", "exec", this.#name, "iptables", "-w", change, loss, "-j", "DROP");
  }
}

function ip(...words: readonly string[]): void {
  execFileSync("ip", words, { stdio: ["ignore", "ignore", "inherit"] });
}
