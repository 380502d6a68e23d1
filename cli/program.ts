import { Argument, Command, CommanderError, Option } from "commander";
import { program as self } from "../runtime/version.ts";
import { addClusterCommands } from "./cluster/program.ts";
import { complete, completionText, SCRIPTS } from "./completion.ts";
import { EXIT, type ExitCode, type Io, printLine, UsageError, warnLine } from "./io.ts";
import { port, seconds, secretFiles } from "./options.ts";

const EXIT_CODES = `
Exit codes:
  0  all is well, or it was done
  1  something that was looked at is wrong; it is told on standard output or standard error
  2  the command cannot be followed: its arguments, a file that is missing, a cluster that does not answer
`;

/** Runs one command line. Resolves to the exit code. */
export async function runCommandLine(args: readonly string[], io: Io): Promise<ExitCode> {
  let code: ExitCode = EXIT.good;
  const program = createProgram(io, (ended) => {
    code = ended;
  });
  try {
    await program.parseAsync([...args], { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.good : EXIT.usage;
    if (!(error instanceof UsageError)) throw error;
    warnLine(io, error.message);
    return EXIT.usage;
  }
}

/** @param end called with the exit code of the command that ran */
export function createProgram(io: Io, end: (code: ExitCode) => void): Command {
  const program = new Command("kinesis-sink")
    .description("Looks after KinesisSinks, which move messages from Pulsar topics into Kinesis streams.")
    .version(self.version, "-V, --version")
    .addHelpText("after", EXIT_CODES)
    .configureOutput({ writeOut: (text) => io.stdout.write(text), writeErr: (text) => io.stderr.write(text) })
    .showHelpAfterError("(--help tells more)")
    .exitOverride();
  addValidate(program, io, end);
  addConvert(program, io, end);
  addCheck(program, io, end);
  addRun(program, io, end);
  addClusterCommands((name) => addCommand(program, name), io, end);
  addCompletion(program, io);
  return program;
}

function addCompletion(program: Command, io: Io): void {
  addCommand(program, "completion")
    .addArgument(new Argument("<SHELL>", "whose").choices(Object.keys(SCRIPTS)))
    .description("print what makes a shell complete commands and options: source <(kinesis-sink completion bash)")
    .action((shell: keyof typeof SCRIPTS) => {
      io.stdout.write(SCRIPTS[shell]);
    });
  program
    .command("__complete [words...]", { hidden: true })
    .action((words: string[]) => printLine(io, completionText(complete(program, words))));
}

type End = (code: ExitCode) => void;

/** Of an option that may be repeated. */
const collect = (value: string, before: string[] | undefined): string[] => [...(before ?? []), value];

/** As kubectl has it, as often as there are files; beside names without it. */
function filename(): Option {
  return new Option("-f, --filename <file>", "the same as FILE; may be repeated").argParser(collect);
}

function addCommand(program: Command, name: string): Command {
  return program.command(name).version(self.version, "-V, --version");
}

function output(choices: readonly string[]): Option {
  return new Option("-o, --output <format>", "what to print").choices([...choices]).default(choices[0]);
}

function addValidate(program: Command, io: Io, end: End): void {
  addCommand(program, "validate")
    .argument("[FILE...]", "files, folders or patterns such as 'sinks/*.yaml'; - is standard input")
    .description(
      "hold KinesisSinks to their schema and rules, without a cluster, and tell all that is wrong with its place",
    )
    .addOption(filename())
    .addOption(output(["text", "json"]))
    .action(async (files: string[], options: { filename?: string[]; output: "text" | "json" }) => {
      const { validateCommand } = await import("./validate/command.ts");
      end(await validateCommand({ files: [...files, ...(options.filename ?? [])], output: options.output }, io));
    });
}

interface ConvertFlags {
  readonly filename?: string[];
  readonly output: "yaml" | "json";
  readonly serviceUrl?: string;
  readonly adminUrl?: string;
  readonly showSecrets?: true;
  readonly secretsFile?: string;
}

function addConvert(program: Command, io: Io, end: End): void {
  addCommand(program, "convert")
    .argument("[FILE...]", "files, folders or patterns; - is standard input")
    .description("make a KinesisSink of a connector: Pulsar IO, pulsar-admin sinks get, Function Mesh, PulsarSink")
    .addOption(filename())
    .addOption(output(["yaml", "json"]))
    .option("--service-url <url>", "address of the brokers, where the input does not hold it")
    .option("--admin-url <url>", "address of Pulsar's admin API")
    .option("--secrets-file <file>", "write the Secrets, with their credentials, to a new file that only you can read")
    .option("--show-secrets", "print credentials, too")
    .action(async (files: string[], flags: ConvertFlags) => {
      const { convertCommand } = await import("./convert/command.ts");
      const options = {
        files: [...files, ...(flags.filename ?? [])],
        output: flags.output,
        serviceUrl: flags.serviceUrl,
        adminUrl: flags.adminUrl,
        showSecrets: flags.showSecrets ?? false,
        secretsFile: flags.secretsFile,
      };
      end(await convertCommand(options, io));
    });
}

interface CheckFlags {
  readonly filename: string;
  readonly secret?: string[];
  readonly output: "text" | "json";
  readonly timeout: number;
}

function addCheck(program: Command, io: Io, end: End): void {
  sinkFile(addCommand(program, "check"))
    .description("try everything that a sink needs of Pulsar and of Kinesis, and move nothing")
    .addOption(output(["text", "json"]))
    .addOption(new Option("--timeout <seconds>", "for all of it").default(30).argParser(seconds))
    .action(async (flags: CheckFlags) => {
      const { checkCommand } = await import("./check/command.ts");
      const options = {
        file: flags.filename,
        secrets: secretFiles(flags.secret ?? []),
        output: flags.output,
        timeoutMs: flags.timeout * 1000,
      };
      end(await checkCommand(options, io));
    });
}

/** One sink, and files for the Secrets that it names. */
function sinkFile(command: Command): Command {
  return command
    .requiredOption("-f, --filename <file>", "manifest with the KinesisSink; - is standard input")
    .option(
      "--secret <NAME/KEY=FILE>",
      "file that stands for a key of a Secret or ConfigMap; may be repeated",
      collect,
    );
}

interface RunFlags {
  readonly filename: string;
  readonly secret?: string[];
  readonly httpPort?: number;
  readonly yes?: true;
}

function addRun(program: Command, io: Io, end: End): void {
  sinkFile(addCommand(program, "run"))
    .description("move messages with one worker at the terminal, without a cluster; says before what it will do")
    .option("--http-port <port>", "serve /livez, /readyz and /metrics on this port of the loopback interface", port)
    .option("-y, --yes", "do not ask")
    .action(async (flags: RunFlags) => {
      const { runCommand } = await import("./run/command.ts");
      const options = {
        file: flags.filename,
        secrets: secretFiles(flags.secret ?? []),
        httpPort: flags.httpPort ?? null,
        yes: flags.yes ?? false,
      };
      end(await runCommand(options, io));
    });
}
