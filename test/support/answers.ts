/** Answers of commits as they stay forever: without the health of the tables, which is that of the moment of each answer. */

interface Answer {
  readonly tables?: unknown;
}

export function withoutHealth<T extends Answer>(answer: T): unknown {
  const { tables, ...rest } = answer;
  if (!Array.isArray(tables)) return answer;
  return { ...rest, tables: tables.map(({ health: _, ...table }: Record<string, unknown>) => table) };
}
