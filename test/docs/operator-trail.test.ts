/** Whether every command of `dl` is said to be a deed, which the audit trail has, or a look, which it has not. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Command, Command as Program } from "commander";
import { DEEDS, LOOKS, pathOf } from "../../lib/cli/operator-trail.ts";
import { COMMANDS } from "../../lib/cli/program.ts";

const HOW = "Give the command a line in DEEDS or in LOOKS, both in lib/cli/operator-trail.ts.";

test("every command is said to change something, or nothing", async () => {
  const found: string[] = [];
  const within = (command: Command): void => {
    if ("_actionHandler" in command && command._actionHandler) found.push(pathOf(command));
    for (const sub of command.commands) within(sub);
  };
  for (const { load } of Object.values(COMMANDS))
    within(new Program("dl").addCommand(await load()).commands[0] as Command);
  assert.deepEqual(found.toSorted(), [...Object.keys(DEEDS), ...LOOKS].toSorted(), HOW);
});
