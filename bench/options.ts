/** What programs of `bench/` are told on their command line, as data: it is checked before anything runs, and is the text of `--help`. */

import { parseArgs } from "node:util";

/** A whole number of at least one. */
interface Count {
  readonly count: number;
  readonly what: string;
}
/** A text, whose name in the usage is `text`; absent unless it is given. */
interface Text {
  readonly text: string;
  readonly what: string;
  /** What is wrong with a value; undefined: nothing. */
  check?(value: string): string | undefined;
}
interface Flag {
  readonly flag: boolean;
  readonly what: string;
}
type Option = Count | Text | Flag;

interface Word extends Count {
  readonly name: string;
}

export interface Program<O extends Readonly<Record<string, Option>> = Readonly<Record<string, Option>>> {
  /** As one types it: `node bench/parity.ts`. */
  readonly run: string;
  /** What it shows, in a sentence. */
  readonly about: string;
  readonly options?: O;
  /** Numbers that come without a name, each of which may be left out with those after it. */
  readonly numbers?: readonly Word[];
  /** Words that choose, any number of them; how the usage calls them, and which there are. */
  readonly words?: { readonly name: string; readonly among: readonly string[]; readonly atMost?: number };
  /** Variables of the environment by which it is told more. */
  readonly environment?: Readonly<Record<string, string>>;
  /** It does nothing without one of these. */
  readonly needs?: readonly string[];
}

type Value<O> = O extends Count ? number : O extends Flag ? boolean : string | undefined;

export interface Told<O> {
  readonly values: { readonly [name in keyof O]: Value<O[name]> };
  readonly numbers: readonly number[];
  readonly words: readonly string[];
}

/** What a person has typed is wrong: the message alone is for them. */
export class Misused extends Error {}

/**
 * Reads the command line. With `--help` prints the usage and ends the process with 0; where something is wrong, says what, with the usage,
 * and ends it with 2.
 * @param args of the process, without the program
 */
export function readOptions<const O extends Readonly<Record<string, Option>>>(
  program: Program<O>,
  args: readonly string[] = process.argv.slice(2),
): Told<O> {
  try {
    if (args.includes("--help") || args.includes("-h")) {
      process.stdout.write(usageOf(program));
      process.exit(0);
    }
    const told = parsed(program, args);
    const { needs } = program;
    if (needs !== undefined && !needs.some((name) => process.env[name])) throw new Misused(`set ${needs.join(" or ")}`);
    return told;
  } catch (error) {
    return endMisused(program, error);
  }
}

/** Ends the process with 2 where a person has typed something wrong, which only shows later. @throws any other error */
export function endMisused(program: Program, error: unknown): never {
  if (!(error instanceof Misused)) throw error;
  process.stderr.write(`${error.message}\n\n${usageOf(program)}`);
  process.exit(2);
}

/** @throws Misused */
export function parsed<const O extends Readonly<Record<string, Option>>>(
  program: Program<O>,
  args: readonly string[],
): Told<O> {
  const options = Object.entries<Option>(program.options ?? {});
  const types = options.map(([name, one]) => [name, { type: "flag" in one ? "boolean" : "string" }] as const);
  const { values, positionals } = split(args, Object.fromEntries(types));
  const told = options.map(([name, one]) => [name, optionValue(`--${name}`, one, values[name])] as const);
  const among = program.words?.among ?? [];
  const words = positionals.filter((word) => among.includes(word));
  const rest = positionals.filter((word) => !among.includes(word));
  const [unknown] = rest.slice(program.numbers?.length ?? 0);
  if (unknown !== undefined) throw new Misused(`${unknown}: there is no such ${program.words?.name ?? "argument"}`);
  if (words.length > (program.words?.atMost ?? words.length)) throw new Misused(`one ${program.words?.name} at a time`);
  const numbers = (program.numbers ?? []).map(({ name, count }, i) => countOf(name, rest[i], count));
  return { values: Object.fromEntries(told) as Told<O>["values"], numbers, words };
}

function split(args: readonly string[], options: Readonly<Record<string, { readonly type: "boolean" | "string" }>>) {
  try {
    return parseArgs({ args: withNegatives(args), options, allowPositionals: true });
  } catch (error) {
    // "Unknown option '--x'. To specify a positional argument …": the first sentence is what is wrong.
    const isParse = error instanceof TypeError && String(Reflect.get(error, "code")).startsWith("ERR_PARSE_ARGS");
    if (!isParse) throw error;
    throw new Misused(error.message.split(/\.\s/)[0] ?? error.message);
  }
}

/** `--files -1` as `--files=-1`: else it would be two options, of which nobody has spoken. */
function withNegatives(args: readonly string[]): string[] {
  const isNumber = (arg: string | undefined) => /^-\d/.test(arg ?? "");
  return args.flatMap((arg, i) => {
    if (isNumber(arg) && args[i - 1]?.startsWith("--")) return [];
    return arg.startsWith("--") && isNumber(args[i + 1]) ? [`${arg}=${args[i + 1]}`] : [arg];
  });
}

function optionValue(
  name: string,
  option: Option,
  given: string | boolean | undefined,
): number | string | boolean | undefined {
  if ("flag" in option) return given === true || option.flag;
  const value = typeof given === "string" ? given : undefined;
  if ("count" in option) return countOf(name, value, option.count);
  const wrong = value === undefined ? undefined : option.check?.(value);
  if (wrong !== undefined) throw new Misused(`${name} ${value}: ${wrong}`);
  return value;
}

function countOf(name: string, given: string | undefined, otherwise: number): number {
  if (given === undefined) return otherwise;
  const value = Number(given);
  if (!/^\d+$/.test(given) || !Number.isSafeInteger(value) || value < 1) {
    throw new Misused(`${name} ${given}: it is a whole number of at least 1`);
  }
  return value;
}

/** @returns with a line break at its end */
export function usageOf(program: Program): string {
  const { run, about, words, numbers = [], environment = {} } = program;
  const options = Object.entries<Option>(program.options ?? {});
  const heads = options.map(([name, one]) =>
    "flag" in one ? `--${name}` : `--${name} ${"count" in one ? "N" : one.text}`,
  );
  const named = numbers.map(({ name }) => `[${name}]`);
  const chosen =
    words === undefined ? [] : [words.atMost === 1 ? words.among.join("|") : `[${words.among.join("|")} …]`];
  const left = ["--help", ...numbers.map(({ name }) => name), ...heads, ...Object.keys(environment)];
  const width = Math.max(0, ...left.map(({ length }) => length)) + 2;
  const line = (head: string, { what, ...one }: Option) =>
    `  ${head.padEnd(width)}${what}${"count" in one ? ` (default: ${one.count})` : ""}\n`;
  const lines = [
    ...numbers.map((one) => line(one.name, one)),
    ...options.map(([, one], i) => line(heads[i] ?? "", one)),
    line("--help", { flag: false, what: "this text" }),
    ...Object.entries(environment).map(([name, what]) => line(name, { flag: false, what })),
  ];
  const first = [run, ...chosen, ...named, ...(options.length > 0 ? ["[options]"] : [])].join(" ");
  return `${first}\n\n${about}\n\n${lines.join("")}`;
}
