import { type Place, patternsOf } from "./tree.ts";

/** The script that completes `myelin` in zsh. */
export function zshScript(places: readonly Place[]): string {
  const { paths, free, chosen: listed } = patternsOf(places);
  const chosen = listed.map(
    ({ at, values: words }) => `    ${at}) compadd -- ${words.join(" ")}; return ;;`,
  );
  const lists = places.map(({ path, commands, flags }) => {
    const described = (each: { readonly name: string; readonly brief: string }): string =>
      `      ${quoted(`${each.name}:${each.brief}`)}`;
    return [
      `    "${path}")`,
      `      commands=(`,
      ...commands.map(described),
      `      )`,
      `      flags=(`,
      ...flags.map(described),
      `      ) ;;`,
    ].join("\n");
  });
  return `#compdef myelin
# Completes myelin in zsh: myelin completions zsh > "\${fpath[1]}/_myelin"
_myelin() {
  local place=myelin word previous="\${words[CURRENT-1]}"
  local -a commands flags
  for word in "\${(@)words[2,CURRENT-1]}"; do
    [[ $word == -- ]] && { _files; return }
    case "$place $word" in
      ${paths.join(" | ")}) place="$place $word" ;;
    esac
  done
  case "$place $previous" in
${chosen.join("\n")}
    ${free.join(" | ")}) _files; return ;;
  esac
  case "$place" in
${lists.join("\n")}
  esac
  if [[ $PREFIX == -* ]]; then
    _describe -o flag flags
  elif (( $#commands )); then
    _describe command commands
  else
    _files
  fi
}
if [[ $funcstack[1] == _myelin ]]; then _myelin "$@"; else compdef _myelin myelin; fi
`;
}

/** In single quotes; colons of the text itself are escaped, as _describe wants. */
function quoted(text: string): string {
  const at = text.indexOf(":");
  const escaped = text.slice(0, at + 1) + text.slice(at + 1).replaceAll(":", "\\:");
  return `'${escaped.replaceAll("'", "'\\''")}'`;
}
