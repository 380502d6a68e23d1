import type { Command } from "commander";

export interface Completion {
  readonly candidates: readonly string[];
  /** Names of files may stand here, too. */
  readonly files: boolean;
}

/** What may stand in place of the last word. @param words behind the program's name; the last one is what was typed of it */
export function complete(program: Command, words: readonly string[]): Completion {
  const typed = words.at(-1) ?? "";
  const before = words.slice(0, -1);
  const command = program.commands.find((one) => one.name() === before.find((word) => !word.startsWith("-")));
  const fitting = (names: readonly string[]): string[] => names.filter((name) => name.startsWith(typed));
  if (command === undefined) {
    return {
      candidates: fitting([...names(program), ...(typed.startsWith("-") ? options(program) : [])]),
      files: false,
    };
  }
  const given = command.options.find(({ long, short }) => [long, short].includes(before.at(-1)));
  if (given?.argChoices !== undefined) return { candidates: fitting(given.argChoices), files: false };
  if (given !== undefined && (given.required || given.optional))
    return { candidates: [], files: /<.*file/i.test(given.flags) };
  if (typed.startsWith("-")) return { candidates: fitting(options(command)), files: false };
  const [argument] = command.registeredArguments;
  return { candidates: fitting(argument?.argChoices ?? []), files: argument?.name() === "FILE" };
}

function names(program: Command): string[] {
  return program.commands.map((command) => command.name()).filter((name) => !name.startsWith("_"));
}

function options(command: Command): string[] {
  return ["--help", ...command.options.flatMap(({ long }) => long ?? [])];
}

/** Of kubectl's protocol for plugins: what follows the candidates. 0: files complete, too; 4: they do not. */
const DIRECTIVES = { files: ":0", noFiles: ":4" } as const;

/** As `kubectl_complete-kinesissink` has to print it, and our own scripts read it. */
export function completionText({ candidates, files }: Completion): string {
  return [...candidates, files ? DIRECTIVES.files : DIRECTIVES.noFiles].join("\n");
}

const BASH = `_kinesis_sink() {
  local answer
  answer=$(kinesis-sink __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null) || return
  local IFS=$'\\n'
  COMPREPLY=($(printf '%s\\n' "$answer" | sed '$d'))
  [ "$(printf '%s\\n' "$answer" | sed -n '$p')" = ${DIRECTIVES.files} ] && compopt -o default 2>/dev/null
  return 0
}
complete -F _kinesis_sink kinesis-sink
`;

/** What a shell is to read for completion. */
export const SCRIPTS = { bash: BASH, zsh: `autoload -U +X bashcompinit && bashcompinit\n${BASH}` } as const;
