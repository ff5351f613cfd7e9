/** Queries of CloudWatch Logs Insights over lines, as far as the runbook uses the language: fields, filter, stats, sort, limit. */

type Line = Readonly<Record<string, unknown>>;

function commandsOf(query: string): readonly (readonly [string, string])[] {
  return query
    .trim()
    .split("|")
    .map((part) => part.trim())
    .map((part) => {
      const [name = ""] = part.split(/\s/, 1);
      return [name, part.slice(name.length).trim()];
    });
}

/** The fields that a query shows or groups by. */
export function fieldsOf(query: string): readonly string[] {
  return commandsOf(query).flatMap(([name, rest]) => {
    if (name === "fields") return rest.split(",").map((field) => field.trim());
    return name === "stats" ? (rest.split(/\bby\b/)[1] ?? "").split(",").map((field) => field.trim()) : [];
  });
}

/** Lines that the query finds; those that it would count together, one by one. @throws Error for what is not known here */
export function runQuery(query: string, lines: readonly Line[]): readonly Line[] {
  let found = [...lines];
  for (const [name, rest] of commandsOf(query)) {
    if (name === "filter") {
      const conditions = rest.split(/\band\b/).map((condition) => conditionOf(condition.trim()));
      found = found.filter((line) => conditions.every((holds) => holds(line)));
    } else if (name === "limit") found = found.slice(0, Number(rest));
    else if (!["fields", "stats", "sort"].includes(name)) throw new Error(`"${name}" is not known here: ${query}`);
  }
  return found;
}

function conditionOf(text: string): (line: Line) => boolean {
  const present = /^ispresent\((\w+)\)$/.exec(text)?.[1];
  if (present !== undefined) return (line) => line[present] !== undefined;
  const [, field = "", operator, value] = /^(@?\w+) (=|>=) (?:"([^"]*)"|\d+)$/.exec(text) ?? [];
  if (operator === undefined) throw new Error(`the condition "${text}" is not known here`);
  if (operator === "=") return (line) => String(line[field]) === (value ?? text.split(" = ")[1]);
  return (line) => Number(line[field]) >= Number(text.split(" >= ")[1]);
}
