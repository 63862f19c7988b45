import { type Place, patternsOf } from "./tree.ts";

/** The script that completes `myelin` in bash. */
export function bashScript(places: readonly Place[]): string {
  const { paths, free, chosen: listed } = patternsOf(places);
  const chosen = listed.map(
    ({ at, values: words }) =>
      `    ${at}) COMPREPLY=($(compgen -W "${words.join(" ")}" -- "$current")); return ;;`,
  );
  const words = places.map(({ path, commands, flags }) => {
    const names = commands.map(({ name }) => name).join(" ");
    const dashed = flags.map(({ name }) => name).join(" ");
    return `    "${path}") commands="${names}"; flags="${dashed}" ;;`;
  });
  return `# Completes myelin in bash: myelin completions bash > ~/.local/share/bash-completion/completions/myelin
_myelin() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}"
  local place=myelin commands="" flags="" word
  COMPREPLY=()
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    [[ $word == -- ]] && return
    case "$place $word" in
      ${paths.join(" | ")}) place="$place $word" ;;
    esac
  done
  case "$place $previous" in
${chosen.join("\n")}
    ${free.join(" | ")}) return ;;
  esac
  case "$place" in
${words.join("\n")}
  esac
  if [[ $current == -* ]]; then
    COMPREPLY=($(compgen -W "$flags" -- "$current"))
  else
    COMPREPLY=($(compgen -W "$commands" -- "$current"))
  fi
}
complete -o default -F _myelin myelin
`;
}
