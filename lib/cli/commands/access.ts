/** dl access: whether grants are held against requests, why something is allowed or denied, and policies beside the grants. */

import { readFile } from "node:fs/promises";
import { isIP } from "node:net";
import { Command, Option } from "commander";
import { checkPolicy, type Judged, openPolicyEngine } from "../../access/policies/engine.ts";
import { SCHEMA } from "../../access/policies/schema.ts";
import type { Principal } from "../../access/principal.ts";
import {
  askedGrantee,
  askedPrivilege,
  askedResource,
  PRIVILEGES,
  type Privilege,
  split,
} from "../../access/privileges.ts";
import { judgedTable, RULES_REMEMBERED_MS } from "../../access/rules.ts";
import { invalid, isLakeError, notFound } from "../../errors.ts";
import { missingTable } from "../../operations/tables/missing-table.ts";
import type { AccessRules, ApiKeyRecord, Catalog, Lake } from "../../ports.ts";
import { tableRef } from "../../wire/table-ref.ts";
import { repeated } from "../arguments.ts";
import { action } from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { UsageError } from "../failure.ts";
import { facts } from "../output.ts";
import { applyCommand, exportCommand, planCommand } from "./access-file.ts";
import { OPERATOR } from "./grant.ts";

const QUIET = { mirror: false } as const;
const PAGE = 1000;

export function accessCommand(): Command {
  return new Command("access")
    .addCommand(statusCommand().description("whether grants are held against requests, and how many there are"))
    .addCommand(onCommand().description("from now on nobody may do what is not granted to them"))
    .addCommand(offCommand().description("let whoever is let in do everything again, as far as their key says"))
    .addCommand(
      explainCommand().description("say whether somebody may do something, and which grant or policy decides"),
    )
    .addCommand(exportCommand().description("print grants, roles and policies as one file in YAML"))
    .addCommand(planCommand().description("print what apply would change"))
    .addCommand(applyCommand().description("make grants, roles and policies what a file says, in one step"))
    .addCommand(policyCommand().description("policies in Cedar beside the grants: by time, address, table properties"));
}

function statusCommand(): Command {
  return new Command("status").action(
    action(async ({ output, withLake }) => {
      const rules = await withLake(({ catalog }) => catalog.readAccess(), QUIET);
      const { mode, version, grants, members, policies } = rules;
      const counts = { grants: grants.length, members: members.length, policies: policies.length };
      await output.result({ mode, version, ...counts }, () =>
        facts([
          ["mode", mode === "open" ? "open: grants are not enforced" : "enforced"],
          ["grants", String(grants.length)],
          ["places in roles", String(members.length)],
          ["policies", String(policies.length)],
          ["changes", String(version)],
        ]),
      );
      return EXIT.ok;
    }),
  );
}

/** What a key lets its user do while grants are not enforced. */
const TODAY: Readonly<Record<ApiKeyRecord["access"], readonly Privilege[]>> = {
  read: ["SELECT", "MONITOR"],
  write: ["SELECT", "APPEND", "MODIFY", "ALTER", "CREATE", "DROP", "MONITOR"],
};

interface OnOptions {
  readonly yes?: true;
  readonly keep?: true;
}

function onCommand(): Command {
  return new Command("on")
    .option("--keep", "first grant to the users of all live keys what they may do today, on the catalog")
    .option("--yes", "also where users of live keys would be locked out")
    .addHelpText(
      "after",
      "\nUsers of tokens and roles of AWS are not known to the catalog: grant to them, or to their groups, first.\n" +
        "Whoever can open the database by dl stays an operator, and dl access off takes it back.\n",
    )
    .action(
      action<OnOptions>(async ({ output, withLake }, { yes, keep }) => {
        const { state, kept, locked } = await withLake(async ({ catalog, clock }) => {
          const now = clock.now();
          const rules = await catalog.readAccess();
          const lost = await withoutGrants(catalog, rules, now);
          if (lost.size > 0 && !keep && !yes && rules.mode === "open") throw wouldLockOut([...lost.keys()]);
          const granted = [...lost].flatMap(([grantee, access]) =>
            TODAY[access].map((privilege) => ({ grantee, resource: "catalog", privilege }) as const),
          );
          const change = { mode: "enforced", by: OPERATOR, at: now, ...(keep ? { grant: granted } : {}) } as const;
          return {
            state: await catalog.changeAccess(change),
            kept: keep ? granted : [],
            locked: keep ? [] : [...lost.keys()],
          };
        }, QUIET);
        await output.result({ mode: state.mode, version: state.version, granted: kept, lockedOut: locked }, () =>
          [
            "grants are enforced",
            ...kept.map(({ privilege, grantee }) => `${privilege} on catalog for ${grantee}`),
          ].join("\n"),
        );
        for (const user of locked) output.note(`${user} has a live key, and no grant`);
        output.note(`Every server holds to them within ${RULES_REMEMBERED_MS / 1000} seconds.`);
        return EXIT.ok;
      }),
    );
}

function wouldLockOut(users: readonly string[]) {
  return invalid(
    `${users.length === 1 ? "a user with a live key has" : `${users.length} users with live keys have`} no grant: ${users.join(", ")}`,
    {
      code: "WOULD_LOCK_OUT",
      hint: "dl grant … to them, or --keep grants what they may do today; --yes locks them out.",
    },
  );
}

/** Users of live keys to whom nothing is granted, neither themselves nor a role of theirs, and what their keys let them do. */
async function withoutGrants(
  catalog: Catalog,
  { grants, members }: AccessRules,
  now: number,
): Promise<ReadonlyMap<string, ApiKeyRecord["access"]>> {
  const found = new Map<string, ApiKeyRecord["access"]>();
  const has = new Set([...grants.map(({ grantee }) => grantee), ...members.map(({ member }) => member)]);
  let cursor: string | undefined;
  do {
    const page = await catalog.listKeys({ ...(cursor === undefined ? {} : { cursor }), limit: PAGE });
    for (const { name, access, expiresAt, revokedAt } of page.items) {
      const isLive = revokedAt === undefined && (expiresAt === undefined || expiresAt > now);
      const user = `user:${name}`;
      if (isLive && !has.has(user) && found.get(user) !== "write") found.set(user, access);
    }
    cursor = page.next;
  } while (cursor !== undefined);
  return found;
}

function offCommand(): Command {
  return new Command("off").action(
    action(async ({ output, withLake }) => {
      const state = await withLake(
        ({ catalog, clock }) => catalog.changeAccess({ mode: "open", by: OPERATOR, at: clock.now() }),
        QUIET,
      );
      await output.result({ mode: state.mode, version: state.version }, () => "grants are not enforced");
      output.note("Whoever is let in may do everything with every table. Grants and policies are kept.");
      return EXIT.ok;
    }),
  );
}

interface ExplainOptions {
  readonly group?: readonly string[];
  readonly ip?: string;
  readonly proof: Principal["proof"];
}

function explainCommand(): Command {
  return new Command("explain")
    .argument("<whom>", "user:NAME")
    .argument("<privilege>", Object.keys(PRIVILEGES).join(", "))
    .argument("[on]", "a table (ns.table or its id), table:…, namespace:NAME, or catalog", "catalog")
    .option("--group <name>", "a group that the user's token would name; may be repeated", repeated)
    .option("--ip <address>", "where the request would come from, for policies that ask")
    .addOption(
      new Option("--proof <proof>", "how the user would prove who they are")
        .choices(["key", "token", "iam", "certificate"])
        .default("key"),
    )
    .action(
      action<ExplainOptions>(async ({ output, withLake }, options, [whom = "", asked = "", on = "catalog"]) => {
        const privilege = explained(asked);
        if (split(whom)[0] !== "user") throw new UsageError(`"${whom}" is no user: write user:NAME`);
        if (options.ip !== undefined && isIP(options.ip) === 0) throw new UsageError(`"${options.ip}" is no address`);
        const principal = { id: askedGrantee(whom), groups: options.group ?? [], proof: options.proof };
        const told = await withLake(async (lake) => {
          const rules = await lake.catalog.readAccess();
          const engine = await openPolicyEngine(rules);
          const resource = await resourceNamed(lake, on);
          const { ip } = options;
          const decision = engine.decide({ principal, privilege, resource, at: lake.clock.now(), ip });
          return { decision, mode: rules.mode, resource, identities: engine.identitiesOf(principal) };
        }, QUIET);
        const { decision, mode, resource, identities } = told;
        const what = resource.kind === "table" ? `table:${resource.name}` : on === "catalog" ? "catalog" : on;
        const because = decision.because.map((one) => inNames(one, resource));
        const result = {
          user: whom,
          privilege,
          on: what,
          decision: decision.allowed ? "allowed" : "denied",
          because,
          as: identities,
          mode,
        };
        await output.result({ ...result, errors: decision.errors }, () =>
          [
            `${result.decision}: ${whom} ${decision.allowed ? "may" : "may not"} ${privilege} on ${what}`,
            ...because.map((one) => `  because of: ${one}`),
            ...(because.length === 0 ? ["  because nothing grants it"] : []),
            ...decision.errors.map((one) => `  not evaluated: ${one}`),
            `  judged as: ${identities.join(", ")}`,
          ].join("\n"),
        );
        if (mode === "open")
          output.note("Grants are not enforced: today everything is allowed that the key of the user allows.");
        return EXIT.ok;
      }),
    );
}

function explained(text: string): Privilege {
  const privilege = askedPrivilege(text);
  if (privilege !== "ALL" && privilege !== "OWN") return privilege;
  throw new UsageError(`${privilege} is all privileges: ask for one of ${Object.keys(PRIVILEGES).join(", ")}`);
}

async function resourceNamed(lake: Lake, on: string): Promise<Judged> {
  const asked = on.includes(":") || on === "catalog" ? askedResource(on) : ({ kind: "table", table: on } as const);
  if (asked.kind !== "table") return asked;
  const ref = tableRef(asked.table);
  const [state] = await lake.catalog.readStates([ref]);
  if (state === undefined) throw await missingTable(lake, ref);
  return judgedTable(state);
}

/** A grant on a table has its id, and people know its name. */
function inNames(because: string, resource: Judged): string {
  return resource.kind === "table" ? because.replace(`table:${resource.tableId}`, `table:${resource.name}`) : because;
}

function policyCommand(): Command {
  const set = new Command("set")
    .argument("<name>", "its name")
    .argument("<file>", "a file with one policy in Cedar")
    .action(
      action(async ({ output, withLake }, _options, [name = "", file = ""]) => {
        const policy = { name: policyName(name), text: await textOf(file) };
        await checkPolicy(policy);
        const state = await withLake(
          ({ catalog, clock }) => catalog.changeAccess({ set: [policy], by: OPERATOR, at: clock.now() }),
          QUIET,
        );
        await output.result({ name, version: state.version }, () =>
          state.changed > 0 ? `the policy ${name} is set` : `the policy ${name} is the same as before`,
        );
        return EXIT.ok;
      }),
    );
  const remove = new Command("remove").argument("<name>", "its name").action(
    action(async ({ output, withLake }, _options, [name = ""]) => {
      const state = await withLake(
        ({ catalog, clock }) => catalog.changeAccess({ unset: [name], by: OPERATOR, at: clock.now() }),
        QUIET,
      );
      if (state.changed === 0)
        throw notFound(`there is no policy ${name}`, {
          code: "POLICY_NOT_FOUND",
          hint: "dl access policy list shows all.",
        });
      await output.result({ name, version: state.version }, () => `the policy ${name} is removed`);
      return EXIT.ok;
    }),
  );
  const list = new Command("list").action(
    action(async ({ output, withLake }) => {
      const { policies } = await withLake(({ catalog }) => catalog.readAccess(), QUIET);
      await output.result({ policies }, () =>
        policies.length === 0
          ? "no policies"
          : policies.map(({ name, text }) => `// ${name}\n${text.trim()}`).join("\n\n"),
      );
      return EXIT.ok;
    }),
  );
  const schema = new Command("schema").action(
    action(async ({ output }) => {
      await output.result({ schema: SCHEMA }, () => SCHEMA);
      return EXIT.ok;
    }),
  );
  return new Command("policy")
    .addCommand(set.description("set a policy; forbid takes away what grants give, permit gives more"))
    .addCommand(remove.description("remove a policy"))
    .addCommand(list.description("list policies with their texts"))
    .addCommand(schema.description("print the schema: what policies may speak of"));
}

function policyName(name: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(name)) return name;
  throw new UsageError(`"${name}" is no name of a policy: up to 100 letters, digits and . _ -`);
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if (isLakeError(error)) throw error;
    throw invalid(`${file} cannot be read: ${(error as NodeJS.ErrnoException).code}`, {
      hint: "Give a file with one policy.",
    });
  }
}
