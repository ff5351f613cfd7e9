/** Every state is played for a day and more of model time: its alarms are red as long as it lasts, and no others. */

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { describe, test } from "node:test";
import { greenWithinMinutes } from "../../infra/alarm-definition.ts";
import { alarmsOf, RUNBOOK } from "../../infra/alarms.ts";
import { type Settings, settingsOf } from "../../infra/settings.ts";
import { type Spell, World } from "../support/model-world.ts";
import { PLAYED_STATES, type PlayedState, twoTables } from "./alarm-states.ts";
import { templatesOf } from "./templates.ts";

const CONTEXT = { stage: "production", alarmMail: "none", compaction: "policy", canaryMinutes: "5" };
const settings: Settings = settingsOf((name) => CONTEXT[name as keyof typeof CONTEXT]);
const { app } = templatesOf(CONTEXT);
const definitions = new Map(alarmsOf(settings).map((alarm) => [alarm.id, alarm]));
const BEGINS = 61;
const AFTERWARDS = 240;
const RED_WITHIN = 5;
const DAY_MINUTES = 1440;

interface Played {
  readonly state: string;
  readonly alarm: string;
  /** Minutes from the begin and from the end of the state: the least and the most that CloudWatch may make of it. */
  readonly red: readonly number[];
  readonly green: readonly number[];
}
const matrix: Played[] = [];

async function play({ begin, minutes = DAY_MINUTES, still, greenWithin = 0 }: PlayedState): Promise<readonly Spell[]> {
  const world = await World.open(settings, app);
  await twoTables(world);
  world.isStill = still === true;
  await world.pass(BEGINS);
  const end = await begin(world);
  await world.pass(minutes);
  await end();
  await world.pass(AFTERWARDS + greenWithin);
  return world.close();
}

describe("a state is played:", () => {
  for (const state of PLAYED_STATES) {
    const { name, alarms, minutes = DAY_MINUTES, redWithin = RED_WITHIN } = state;
    test(`${name}: ${alarms.join(", ") || "no alarm"}`, async () => {
      const all = await play(state);
      const ends = BEGINS + minutes;
      const spells = all.filter(({ alarm, red }) => !(state.afterwards?.includes(alarm) && red > ends));
      const ids = [...new Set(spells.map(({ alarm }) => alarm))].toSorted();
      assert.deepEqual(ids, alarms.toSorted(), JSON.stringify(spells));
      for (const alarm of alarms) {
        const own = spells.filter((spell) => spell.alarm === alarm);
        assert.equal(own.length, 2, `${alarm} was red without a break, for both models: ${JSON.stringify(own)}`);
        const definition = definitions.get(alarm);
        assert.ok(definition);
        const greenWithin = state.greenWithin ?? greenWithinMinutes(definition);
        for (const { red, green = Number.POSITIVE_INFINITY } of own) {
          assert.ok(
            red > BEGINS && red <= BEGINS + redWithin,
            `${alarm} is red ${red - BEGINS} minutes after the begin`,
          );
          assert.ok(green > ends, `${alarm} is green ${ends - green} minutes before the end`);
          assert.ok(green <= ends + greenWithin, `${alarm} is green ${green - ends} minutes after the end`);
        }
        const after = (time: "red" | "green", from: number) => own.map((spell) => (spell[time] ?? 0) - from);
        matrix.push({ state: name, alarm, red: after("red", BEGINS), green: after("green", ends) });
      }
    });
  }
});

test("every alarm is played", () => {
  const played = new Set(PLAYED_STATES.flatMap(({ alarms }) => alarms));
  assert.deepEqual(
    [...definitions.keys()].filter((id) => !played.has(id)),
    [],
  );
});

/** `UPDATE=1 node --test test/infra/alarm-play.slow.ts` writes the table, and the ends in the runbook, anew. */
test("docs/alarms.md has the times that were played, and the runbook the ends", () => {
  const rows = PLAYED_STATES.flatMap(({ name }) => matrix.filter(({ state }) => state === name)).map(
    ({ state, alarm, red, green }) =>
      `| ${state} | [${alarm}](runbook.md#${alarm}) | ${definitions.get(alarm)?.severity} | ${span(red)} | ${span(green)} |`,
  );
  replaced("docs/alarms.md", (text) => text.replace(/(\| --- \|.*\n)(?:\|.*\n)*/, `$1${rows.join("\n")}\n`));
  replaced(RUNBOOK, (text) =>
    text.replaceAll(/^(## (\S+)\n[\s\S]*?\n)- \*\*Ends\*\* (?:[^\n]*(?:\n {2}[^\n]*)*)\n/gm, (whole, before, id) => {
      const alarm = definitions.get(id);
      return alarm === undefined ? whole : `${before}- **Ends** ${alarm.ends}.\n`;
    }),
  );
});

function span(minutes: readonly number[]): string {
  const [least, most] = [Math.min(...minutes), Math.max(...minutes)];
  return least === most ? inWords(least) : `${inWords(least)} to ${inWords(most)}`;
}
function inWords(minutes: number): string {
  return minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 6) / 10} h`;
}

function replaced(file: string, change: (text: string) => string): void {
  const url = new URL(`../../${file}`, import.meta.url);
  const text = readFileSync(url, "utf8");
  const wanted = change(text);
  if (process.env.UPDATE === "1") writeFileSync(url, wanted);
  else assert.ok(text === wanted, `${file} is out of date: UPDATE=1 node --test test/infra/alarm-play.slow.ts`);
}
