/** dl grant, dl revoke, dl grants: who may do what. Whoever can open the database by `dl` is an operator, and may grant everything. */

import { Command } from "commander";
import { GRANTED, PRIVILEGES } from "../../access/privileges.ts";
import { RULES_REMEMBERED_MS } from "../../access/rules.ts";
import { type AskedGrant, changeGrants, listGrants, type ShownGrant } from "../../operations/grants.ts";
import type { AccessState } from "../../ports.ts";
import { action, type CommandContext } from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { UsageError } from "../failure.ts";
import { formatTime } from "../format.ts";
import { table } from "../table.ts";

/** As whom operators stand in the rows. */
export const OPERATOR = "operator";
const QUIET = { mirror: false } as const;
const PAGE = 1000;

const HELP = `
Privileges:
${Object.entries(PRIVILEGES)
  .map(([name, what]) => `  ${name.padEnd(8)} ${what}`)
  .join("\n")}
  ALL      all of them
  OWN      the same, for the one owner of a table: whoever has made it, until it is granted to another

Examples:
  dl grant SELECT on namespace:sales to group:analysts
  dl grant APPEND,SELECT on table:sales.orders to user:etl
  dl grant ALL on catalog to user:alice
  dl grant role:readers to user:bob
`;

export function grantCommand(): Command {
  return new Command("grant")
    .argument(
      "<words...>",
      "PRIVILEGE on catalog|namespace:NAME|table:NAME to user:NAME|group:NAME|role:NAME; or role:NAME to …",
    )
    .addHelpText("after", HELP)
    .action(
      action(async (context, _options, words) => {
        const asked = parseGrant(words.flat(), "to");
        await change(context, { grant: asked }, "granted", "was granted already");
        return EXIT.ok;
      }),
    );
}

export function revokeCommand(): Command {
  return new Command("revoke")
    .argument("<words...>", "PRIVILEGE on … from …; or role:NAME from …: exactly what was granted")
    .addHelpText(
      "after",
      "\nExamples:\n  dl revoke SELECT on namespace:sales from group:analysts\n  dl revoke role:readers from user:bob\n",
    )
    .action(
      action(async (context, _options, words) => {
        const asked = parseGrant(words.flat(), "from");
        await change(context, { revoke: asked }, "revoked", "was not granted: dl grants shows what is");
        return EXIT.ok;
      }),
    );
}

export function grantsCommand(): Command {
  return new Command("grants")
    .option("--on <what>", "only those on exactly this: catalog, namespace:NAME, table:NAME")
    .option("--to <whom>", "only those to exactly this: user:NAME, group:NAME, role:NAME")
    .action(
      action<{ readonly on?: string; readonly to?: string }>(async ({ output, withLake }, { on, to }) => {
        const filter = { ...(on === undefined ? {} : { on }), ...(to === undefined ? {} : { to }) };
        const { grants, mode } = await withLake(async (lake) => {
          const all: ShownGrant[] = [];
          let cursor: string | undefined;
          for (;;) {
            const found = await listGrants(lake, {
              ...filter,
              limit: PAGE,
              ...(cursor === undefined ? {} : { cursor }),
            });
            all.push(...found.page.items);
            cursor = found.page.next;
            if (cursor === undefined) return { grants: all, mode: found.mode };
          }
        }, QUIET);
        await output.result({ mode, grants }, () => listText(grants));
        if (mode === "open") output.note(NOT_ENFORCED);
        return EXIT.ok;
      }),
    );
}

const NOT_ENFORCED =
  "Grants are not enforced: whoever is let in may do everything with every table. dl access on changes that.";

async function change(
  { output, withLake }: CommandContext,
  wanted: { readonly grant?: readonly AskedGrant[]; readonly revoke?: readonly AskedGrant[] },
  done: string,
  nothing: string,
): Promise<void> {
  const state = await withLake((lake) => changeGrants(lake, { ...wanted, by: OPERATOR }), QUIET);
  const all = [...(wanted.grant ?? []), ...(wanted.revoke ?? [])];
  await output.result({ ...shownState(state), grants: all }, () =>
    all.map((one) => `${grantText(one)}: ${state.changed > 0 ? done : nothing}`).join("\n"),
  );
  if (state.mode === "open") output.note(NOT_ENFORCED);
  else if (state.changed > 0) output.note(`Every server holds to it within ${RULES_REMEMBERED_MS / 1000} seconds.`);
}

export function shownState({ mode, version, changed }: AccessState & { readonly changed: number }) {
  return { mode, version, changed };
}

function grantText(grant: AskedGrant): string {
  return "role" in grant ? `role:${grant.role} for ${grant.to}` : `${grant.privilege} on ${grant.on} for ${grant.to}`;
}

/** @param link the word before whom it concerns. @throws UsageError */
export function parseGrant(words: readonly string[], link: "to" | "from"): readonly AskedGrant[] {
  const isLink = (word: string | undefined) => word?.toLowerCase() === link;
  if (words.length === 3 && isLink(words[1])) {
    const [role = "", , to = ""] = words;
    if (role.startsWith("role:")) return [{ role: role.slice("role:".length), to }];
    throw new UsageError(`"${role}" is no role: write role:NAME ${link} …, or PRIVILEGE on … ${link} …`);
  }
  if (words.length !== 5 || words[1]?.toLowerCase() !== "on" || !isLink(words[3])) {
    throw new UsageError(
      `write it as: PRIVILEGE on catalog|namespace:NAME|table:NAME ${link} user:NAME|group:NAME|role:NAME`,
    );
  }
  const [privileges = "", , on = "", , to = ""] = words;
  return privileges.split(",").map((text) => {
    const privilege = GRANTED.find((one) => one === text.trim().toUpperCase());
    if (privilege === undefined) throw new UsageError(`"${text}" is no privilege; there are ${GRANTED.join(", ")}`);
    return { privilege, on, to };
  });
}

function listText(grants: readonly ShownGrant[]): string {
  if (grants.length === 0) return "no grants";
  return table(
    ["PRIVILEGE", "ON", "TO", "BY", "SINCE"],
    grants.map(({ privilege, on, role, to, by, at }) => [
      privilege ?? "member",
      on ?? `role:${role}`,
      to,
      by,
      formatTime(at),
    ]),
  );
}
