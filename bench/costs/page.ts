/** docs/costs.md, written from prices, measurements and the model. */

import { CALLS_ON_MYSQL, FIXED_COUNTS, INDEXING, MEASURED } from "./measured.ts";
import {
  auroraUsd,
  breakEven,
  capacityUsd,
  commitLines,
  dataApiCallsPerCommit,
  fixedLines,
  HOURS,
  type Line,
  logBytesPerCommit,
  parityLines,
  safetyLines,
  savedPerCommit,
  serversUsd,
  sum,
} from "./model.ts";
import { OPTION_LINES } from "./options.ts";
import { PRICES } from "./prices.ts";

const CHECKS_PER_HOUR = 730;

interface Size {
  readonly name: string;
  readonly commits: number;
  readonly tables: number;
  readonly capacity: { readonly text: string; readonly usd: number };
  readonly checksAMonth: number;
  readonly safety: readonly Line[];
}

const SIZES: readonly Size[] = [
  {
    name: "small: development",
    commits: 10_000,
    tables: 10,
    capacity: { text: "awake a quarter of the time, 0.5 ACU", usd: capacityUsd(0.5, 1, 0.25) },
    checksAMonth: 10 * (CHECKS_PER_HOUR / 6),
    safety: safetyLines(1, 1, 1e6, 1e8),
  },
  {
    name: "medium: production",
    commits: 1_000_000,
    tables: 1_000,
    capacity: { text: "writer and standby, 1 ACU each", usd: capacityUsd(1, 2) },
    checksAMonth: 1_000 * CHECKS_PER_HOUR,
    safety: safetyLines(24, 35, 1e8, 1e10),
  },
  {
    name: "large: production",
    commits: 20_000_000,
    tables: 5_000,
    capacity: { text: "writer and standby, 4 ACU each", usd: capacityUsd(4, 2) },
    checksAMonth: 5_000 * CHECKS_PER_HOUR,
    safety: safetyLines(24, 35, 1e9, 1e11),
  },
];

const FIXED = fixedLines(FIXED_COUNTS);
/** Of an index that each sweep finds behind. */
const INDEXED_MONTH = (60 * HOURS * INDEXING.callsAnIndex * PRICES.dataApi.usd) / 1e6;

const dollars = (usd: number) => usd.toFixed(2);
const whole = (usd: number) => Math.round(usd).toLocaleString("en");
const count = (n: number) => n.toLocaleString("en");

function table(lines: readonly Line[]): string {
  const rows = lines.map(({ what, counted, usd }) => `| ${what} | ${counted} | ${dollars(usd)} |`);
  return [
    "| | how it is counted | $ |",
    "|---|---|---|",
    ...rows,
    `| **together** | | **${dollars(sum(lines))}** |`,
  ].join("\n");
}

function sizesTable(): string {
  const row = (name: string, cell: (size: Size) => string) => `| ${name} | ${SIZES.map(cell).join(" | ")} |`;
  const parts: readonly [string, (size: Size) => number][] = [
    ["Aurora reads, writes and storage (first month)", ({ commits }) => auroraUsd(commits)],
    ["per commit, as below", ({ commits }) => sum(commitLines(commits))],
    ["parity checks", ({ checksAMonth }) => sum(parityLines(checksAMonth))],
    ["backups, restores for practice, maintenance", ({ safety }) => sum(safety)],
    ["metrics, alarms, secrets, idle queues", () => sum(FIXED)],
  ];
  const total = (size: Size) => size.capacity.usd + parts.reduce((all, [, of]) => all + of(size), 0);
  return [
    `| | ${SIZES.map(({ name }) => name).join(" | ")} |`,
    "|---|---|---|---|",
    row("commits", ({ commits }) => count(commits)),
    row("tables", ({ tables }) => count(tables)),
    row("Aurora capacity", ({ capacity }) => `${capacity.text}: ${whole(capacity.usd)}`),
    ...parts.map(([name, of]) => row(name, (size) => whole(of(size)))),
    row("**together**", (size) => `**about ${whole(total(size))}**`),
  ].join("\n");
}

/** Millions, to one digit. */
const inMillions = (commits: number) => (commits / 1e6).toFixed(1);

export function costsPage(): string {
  const [, medium] = SIZES;
  if (medium === undefined) throw new Error("there is no medium size");
  const small =
    capacityUsd(0.5, 1) +
    auroraUsd(1e6) +
    sum(commitLines(1e6)) +
    sum(FIXED) +
    sum(medium.safety) +
    sum(parityLines(medium.checksAMonth));
  const { ours, all } = logBytesPerCommit();
  return `# What it costs

A model, not an invoice, written by \`UPDATE=1 node --test test/docs/costs.test.ts\` from \`bench/costs/\`: prices times what is measured. Prices are AWS list
prices of us-east-1 in US dollars, without free tiers, from general knowledge and not read from AWS when this was written: **check them again before you
quote them.** Data files, which writers put and readers get, cost the same with any catalog and are left out.

## Three sizes, a month

${sizesTable()}

The same million commits on one instance of 0.5 ACU without a standby come to about ${whole(small)}. Logs of PostgreSQL and of the network
come on top with $${dollars(PRICES.logs.usd)} a gigabyte.

## One million commits

${table(commitLines(1e6))}

Aurora adds about ${dollars(auroraUsd(1e6))} for reads, writes and rows, which stay.

**What is measured** (\`test/functions/cost.test.ts\`, on functions that run): a commit is ${MEASURED.commit.dataApiCalls} call of the Data API, its row of the audit trail within it, a batch of the mirror
${MEASURED.mirror.dataApiCalls}, together ${dataApiCallsPerCommit().toFixed(1)} a commit; a parity check of a table that has not changed is ${MEASURED.parity.dataApiCalls}. On Aurora MySQL a batch
is ${CALLS_ON_MYSQL.mirror}, and the others the same. A commit prints ${MEASURED.commit.logBytes} bytes, a batch ${MEASURED.mirror.logBytes}, so
${Math.round(ours)} bytes a commit are ours, and ${Math.round(all)} with what Lambda and API Gateway write. What goes well is one line a call, that of the metrics; what fails has
lines of its own. Times are assumptions: a warm call of the Data API is most of them.

**Looking at files** ([api.md](api.md), \`verifyFiles\`) comes on top: one \`HeadObject\` a file that a commit names, at ${dollars(PRICES.s3Get.usd)} a million, and
the time until they have answered, 48 at once. A million commits of four files each cost ${dollars(4 * PRICES.s3Get.usd)}, and some Lambda. \`deep\`
reads each footer as well: two GETs a file or one, and at most 1 MiB. Measured with a server that answers after 15 ms, in the same
process, on a machine of two busy cores (\`npx node bench/verify-files.ts\`); in a folder the same is below 0.1 ms a file:

| files in the commit | 1 | 10 | 100 | 1,000 | 5,000 |
|---|---|---|---|---|---|
| calls | 1 | 10 | 100 | 1,000 | 5,000 |
| added to the commit, ms | 20 | 43 | 604 | 1,145 | 6,477 |

Without \`verifyFiles\` a commit waits for 5 s at most: one of many thousand files is then recorded as looked at in part.

## Fixed

${table(FIXED)}

The first three dashboards of an account are free. There is no NAT gateway and no VPC endpoint: the functions reach the database by the Data API, and RDS
rotates the password itself. A sweep a minute makes ${INDEXING.sweepCalls} calls of the Data API and costs some cents. It keeps the indexes of scans up as well: ${INDEXING.callsAnIndex} calls for
each index whose table had commits since the last one; a table that nobody plans has none, and no commit makes any
of these calls (\`test/functions/scan-index.test.ts\`). An index of a table with commits in each minute comes to ${dollars(INDEXED_MONTH)} a month.

**Hourly parity checks** of ${count(medium.tables)} tables:

${table(parityLines(medium.checksAMonth))}

**Backups and maintenance** of a catalog of ${count(medium.tables)} tables and a million files, whose full backup has some 100 MB:

${table(medium.safety)}

A month of locked backups cannot be had cheaper by deleting them: raise \`backup.everyMinutes\` or lower \`keepDays\` in
\`infra/settings.ts\` beforehand. In development a backup a day wakes Aurora once more, for some eleven minutes.

## What is turned on beside

[deployment.md](deployment.md#what-can-be-turned-on-beside) says what each brings.

| setting | how it is counted | $ a month |
|---|---|---|
${OPTION_LINES.map(({ what, counted, usd }) => `| ${what} | ${counted} | ${dollars(usd)} |`).join("\n")}

## What moves the sum

1. **Aurora's floor** is most of it. Development pauses when nobody asks: each sweep wakes it for some eleven minutes, which is why it
   sweeps hourly and not each minute.
2. **Dimensions of metrics.** A table id as a dimension would cost about 1,500 a month for 1,000 tables. There are two dimensions,
   \`service\` and \`stage\`; the table is in the logs.
3. **Checkpoints of large tables.** A checkpoint lists all live files. A table with 60,000 of them and a checkpoint every 10 commits
   writes about a terabyte a month over a million commits, and reads its rows through the Data API (about 32). So tables that name no
   \`delta.checkpointInterval\` have one every 100 commits while little changes; where it was set to less, take it out, and compact such tables.
4. **Parity checks** of many tables that hardly change: \`parityMinutes\` in \`infra/settings.ts\`.

## Against something else

Servers of our own (two small containers, a load balancer, the same Aurora) cost about ${whole(serversUsd({ nat: false }))} a month more before the first commit and
save about ${dollars(savedPerCommit() * 1e6)} per million, so they win above some ${inMillions(breakEven({ nat: false }))} million commits a month; with a NAT gateway above ${inMillions(breakEven({ nat: true }))}. The handlers do
not know Lambda: \`dl serve\` runs the same API on any machine.

## Prices

| $ | per |
|---|---|
${Object.values(PRICES)
  .map(({ usd, per }) => `| ${usd} | ${per} |`)
  .join("\n")}
`;
}
