// Makes the published command one piece: it starts in half the time, because most of a start was
// finding and opening some four hundred modules, and it installs without dependencies of its own.
//
// Invariants
// 1. A file that a module addresses by `new URL("./x", import.meta.url)` lies beside the module.
// 2. What is taken of a module that is loaded later is there: of CommonJS that is `default` alone.
// 3. The notices of everything that is bundled are in THIRD-PARTY.txt.
import {
  cpSync,
  existsSync,
  globSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { build } from "esbuild";

/** Native, and left out where it cannot be built; `ws` does without it. */
const external = ["bufferutil", "utf-8-validate"];
const address = /new URL\(\s*"(\.{1,2}\/[^"]+)",\s*import\.meta\.url\s*,?\s*\)/g;
/** What is bundled of CommonJS asks for Node's modules this way. */
const banner = `import { createRequire as requireFrom } from "node:module";
const require = requireFrom(import.meta.url);`;

/** The files that modules of the built packages address, with their names in the bundle. */
function addressedFiles(packages) {
  const files = new Map();
  for (const module of globSync("*/dist/**/*.js", { cwd: packages })) {
    const path = join(packages, module);
    for (const [, target] of readFileSync(path, "utf8").matchAll(address)) {
      const file = resolve(dirname(path), target);
      const name = relative(packages, file).replace(/^([^/]+)\/dist\//, "$1/");
      files.set(file, name.replaceAll("/", "-"));
    }
  }
  return files;
}

function addressesRewritten(names) {
  return {
    name: "addresses",
    setup({ onLoad }) {
      onLoad({ filter: /\/dist\/.*\.js$/ }, ({ path }) => {
        const text = readFileSync(path, "utf8");
        const contents = text.replaceAll(address, (whole, target) => {
          const name = names.get(resolve(dirname(path), target));
          return name === undefined ? whole : `new URL("./${name}", import.meta.url)`;
        });
        return { contents, loader: "js" };
      });
    },
  };
}

/** The folder of the package that a file of `node_modules` belongs to. */
function packageFolder(input) {
  return /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1];
}

function notices(metafile, root) {
  const folders = new Set(Object.keys(metafile.inputs).map(packageFolder));
  const parts = [];
  for (const folder of [...folders].filter((path) => path !== undefined).toSorted()) {
    const manifest = JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8"));
    if (manifest.name.startsWith("@myelin/")) continue;
    const [file] = globSync("{LICENSE,LICENCE,license,LICENSE.md,LICENSE.txt,license.md}", {
      cwd: join(root, folder),
    });
    const text =
      file === undefined ? "" : `\n${readFileSync(join(root, folder, file), "utf8").trim()}\n`;
    parts.push(`${manifest.name} ${manifest.version} (${manifest.license})\n${text}`);
  }
  return parts.join(`\n${"-".repeat(80)}\n\n`);
}

/** What is taken of modules that are loaded later, by the names of their files in the bundle. */
function* takenLater(text) {
  const forms =
    /(?:\{([^{}]*)\} = await )?import\("\.\/([^"]+)"\)(?:\.then\(\(?(?:\{([^{}]*)\}|(\w+)))?/g;
  for (const [, awaited, file, given, whole] of text.matchAll(forms)) {
    const names = (awaited ?? given ?? "").split(",").map((name) => name.split(":")[0].trim());
    yield { file, names: names.filter((name) => name !== ""), isWhole: whole !== undefined };
  }
}

function assertTakenIsThere({ outputs }, root) {
  for (const path of Object.keys(outputs)) {
    if (!path.endsWith(".js")) continue;
    for (const { file, names, isWhole } of takenLater(readFileSync(join(root, path), "utf8"))) {
      const { exports } = outputs[join(dirname(path), file)];
      const isCommonJs = exports.length === 1 && exports[0] === "default";
      const missing =
        isWhole && isCommonJs ? ["*"] : names.filter((name) => !exports.includes(name));
      if (missing.length > 0)
        throw new Error(`${path} takes ${missing.join(", ")} of ${file}, which has ${exports}`);
    }
  }
}

/**
 * Replaces `dist` of a built command by its bundle.
 * `packages` is the folder that has the built packages, the command's `folder` among them.
 */
export async function bundleCommand({ root, packages, folder }) {
  const names = addressedFiles(packages);
  const main = join(folder, "dist", "main.js");
  names.set(main, "main.js");
  const modules = [...names].filter(([path]) => path.endsWith(".js"));
  const outdir = join(folder, "bundle");
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: modules.map(([path, name]) => ({ in: path, out: name.replace(/\.js$/, "") })),
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node24",
    outdir,
    external,
    banner: { js: banner },
    legalComments: "none",
    metafile: true,
    logLevel: "warning",
    plugins: [addressesRewritten(names)],
  });
  assertTakenIsThere(metafile, root);
  for (const [path, name] of names) {
    if (!path.endsWith(".js")) cpSync(path, join(outdir, name));
  }
  writeFileSync(join(folder, "THIRD-PARTY.txt"), notices(metafile, root));
  rmSync(join(folder, "dist"), { recursive: true });
  renameSync(outdir, join(folder, "dist"));
  if (!existsSync(main)) throw new Error(`the bundle has no ${main}`);
}
