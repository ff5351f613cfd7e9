/** Agents that wait for each other: the steps of a run go on, whoever waits. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Steps } from "./steps.ts";

test("an agent that waits for what another reads for both holds nobody up", async () => {
  const steps = new Steps([1, 0]);
  const port = steps.stepped({ read: async () => "read", other: async () => "other" }, "port");
  let shared: Promise<string> | undefined;
  const agent = async () => {
    shared ??= port.read();
    await shared;
    await port.other();
  };
  await steps.run([agent, agent, agent]);
  assert.deepEqual(steps.trace, ["port.read", "port.other", "port.other", "port.other"]);
});

test("the first error of an agent comes when all are done", async () => {
  const steps = new Steps([0]);
  const port = steps.stepped({ read: async () => 1 }, "port");
  const failing = async () => assert.fail("the first");
  await assert.rejects(steps.run([failing, async () => void (await port.read())]), /the first/);
  assert.deepEqual(steps.trace, ["port.read"]);
});
