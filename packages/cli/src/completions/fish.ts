import type { Place } from "./tree.ts";

/** The script that completes `myelin` in fish. */
export function fishScript(places: readonly Place[]): string {
  const paths = places.slice(1).map(({ path }) => quoted(path));
  const lines = places.flatMap(({ path, commands, flags }) => {
    const condition = `complete -c myelin -n ${quoted(`__myelin_at ${quoted(path)}`)}`;
    return [
      ...commands.map(({ name, brief }) => `${condition} -f -a ${name} -d ${quoted(brief)}`),
      ...flags.map(({ name, brief, takesValue, values }) => {
        const value =
          values.length > 0 ? ` -x -a ${quoted(values.join(" "))}` : takesValue ? " -r" : "";
        return `${condition} -l ${name.slice(2)}${value} -d ${quoted(brief)}`;
      }),
    ];
  });
  return `# Completes myelin in fish: myelin completions fish > ~/.config/fish/completions/myelin.fish
function __myelin_at
    set -l place myelin
    for word in (commandline -opc)[2..-1]
        test $word = --; and return 1
        contains -- "$place $word" ${paths.join(" ")}; and set place "$place $word"
    end
    test $place = $argv[1]
end
${lines.join("\n")}
`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
