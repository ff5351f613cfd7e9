/** What we mean to reach, as data: the rows of the whole table, by which figures each is judged, and what it was before. */

export interface Target {
  readonly row: string;
  /** Of the suite. */
  readonly bench: string;
  /** Ends the names of the cases that tell of it, one for each engine. */
  readonly case: RegExp;
  /** Whose median is meant. */
  readonly subject: string;
  /** By whose median of the same case it is divided; in that of another case of the engine if there is one. Absent: the figure itself. */
  readonly over?: { readonly subject: string; readonly case?: RegExp };
  /** What is meant to be reached, in the unit of the figure, or as a ratio. */
  readonly least?: number;
  readonly most?: number;
  /** As it was measured before, with what it was measured against. */
  readonly before: string;
}

const OVER_FLOOR = { subject: "floor" };
const OVER_DELTA_RS = { subject: "delta-rs" };

export const TARGETS: readonly Target[] = [
  {
    row: "commits/s of 32 writers on one table",
    ...{ bench: "commits", case: /, 1 table$/, subject: "deltalakedb, 32 writers", over: OVER_FLOOR, least: 1 },
    before: "SQLite 1,384–1,428/s, PostgreSQL 710–806/s; floor 2,250–3,180/s",
  },
  {
    row: "appends/s of 256 appenders on one table, which share versions",
    ...{ bench: "commits", case: /, 1 table$/, subject: "deltalakedb, 256 appenders", over: OVER_FLOOR, least: 1 },
    before: "–",
  },
  {
    row: "commits/s of 32 writers on 32 tables",
    ...{ bench: "commits", case: /, 32 tables$/, subject: "deltalakedb, 32 writers", over: OVER_FLOOR, least: 0.25 },
    before: "SQLite 1,148–1,260/s, PostgreSQL 882–972/s; floor 13,800–17,800/s",
  },
  {
    row: "latency of one writer, ten files, over HTTP",
    ...{ bench: "latency", case: /^\w+$/, subject: "deltalakedb over HTTP", over: OVER_FLOOR, most: 3 },
    before: "SQLite 10 ×, PostgreSQL 5–8 × (floor of one file)",
  },
  {
    row: "the same in process",
    ...{ bench: "latency", case: /^\w+$/, subject: "deltalakedb in process, no mirror", over: OVER_FLOOR, most: 2 },
    before: "SQLite 7 ×, PostgreSQL 4–5 × (floor of one file)",
  },
  {
    row: "one commit of 100 tables, by 100 single ones, a file each",
    ...{ bench: "multi", case: /, 1 file each$/, subject: "one commit", over: { subject: "100 commits" }, most: 0.15 },
    before: "0.15–0.20 ×",
  },
  {
    row: "the same, ten files each",
    ...{
      bench: "multi",
      case: /, 10 files each$/,
      subject: "one commit",
      over: { subject: "100 commits" },
      most: 0.15,
    },
    before: "0.37–0.44 ×",
  },
  {
    row: "head of a large table, ms",
    ...{ bench: "open", case: / files$/, subject: "deltalakedb", most: 1.8 },
    before: "0.5–1.8 ms; delta-rs 3,100–4,000 ms (a million files)",
  },
  {
    row: "plan of a scan that needs ten files, ms",
    ...{ bench: "plan", case: / files$/, subject: "deltalakedb, a range of ids", most: 50 },
    before: "–",
  },
  {
    row: "all files to a client, as columns, by delta-rs",
    ...{ bench: "list", case: / files$/, subject: "deltalakedb, columns", over: OVER_DELTA_RS, most: 1 / 3 },
    before: "1.6–1.8 × (5.5–6.1 s of 3.4 s, a million files)",
  },
  {
    row: "a checkpoint of a large table, by delta-rs",
    ...{ bench: "checkpoint", case: / files$/, subject: "deltalakedb", over: OVER_DELTA_RS, most: 0.7 },
    before: "1.3–1.7 × (6.6–8.7 s of 5.2–6.5 s, a million files)",
  },
  {
    row: "import of 100,000 files in 10,000 commits, ms",
    ...{ bench: "import", case: / commits$/, subject: "deltalakedb, every version", most: 3_000 },
    before: "SQLite 8,800 ms, PostgreSQL 12,000 ms",
  },
  {
    row: "import from a checkpoint, ms (of a million files: `--files 1000000`)",
    ...{ bench: "import", case: /\d files$/, subject: "deltalakedb, from the newest checkpoint", most: 12_000 },
    before: "SQLite 43,000–50,000 ms, PostgreSQL 38,000 ms (a million files)",
  },
  {
    row: "a commit beside 1,000 tables, by one beside one",
    ...{ bench: "growth", case: /, 1000 tables$/, subject: "deltalakedb" },
    ...{ over: { subject: "deltalakedb", case: /, 1 table$/ }, most: 1.3 },
    before: "flat (± 30 %)",
  },
  {
    row: "SQL of a commit of one file, bytes",
    ...{ bench: "growth", case: / commits of one file$/, subject: "in SQL, with indexes", most: 900 },
    before: "1,800 bytes",
  },
  {
    row: "a backlog of one table into a folder, versions/s",
    ...{ bench: "mirror", case: /, a backlog of \d+ versions$/, subject: "deltalakedb", least: 400 },
    before: "400–460/s over 20 tables",
  },
  {
    row: "lag over 20 tables at 300 commits/s, a folder, ms p95",
    ...{ bench: "mirror", case: /at 300 commits\/s, a folder$/, subject: "deltalakedb", most: 100 },
    before: "PostgreSQL 1,700 ms",
  },
  {
    row: "lag over 20 tables at 100 commits/s, S3, ms p95",
    ...{ bench: "mirror", case: /at 100 commits\/s, S3 of \d+ ms$/, subject: "deltalakedb", most: 400 },
    before: "3,800 ms",
  },
  {
    row: "commits to small tables beside a large one, ms p95",
    ...{ bench: "neighbours", case: / files$/, subject: "beside a commit a second to it", most: 50 },
    before: "SQLite 6,800 ms, PostgreSQL 51 ms (a million files)",
  },
];
