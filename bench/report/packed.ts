import { execFileSync } from "node:child_process";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Packs the packages, installs them in a folder as a user would, and gives the command's program. */
export async function installPacked(directory: string): Promise<string> {
  execFileSync(process.execPath, [join(root, "tools/pack.mjs")], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const tarballs = join(root, ".build/packages/tarballs");
  const files = (await readdir(tarballs))
    .filter((file) => file.endsWith(".tgz"))
    .map((file) => join(tarballs, file));
  await writeFile(
    join(directory, "package.json"),
    JSON.stringify({ name: "bench", private: true, type: "module" }),
  );
  execFileSync("npm", ["install", "--no-audit", "--no-fund", ...files], {
    cwd: directory,
    stdio: ["ignore", "ignore", "inherit"],
  });
  return join(directory, "node_modules/myelin/dist/main.js");
}
