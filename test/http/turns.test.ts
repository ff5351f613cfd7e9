/** Bounds on what a server does at once: who finds no room hears so, who takes too long as well, and the work keeps its place. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isLakeError } from "../../lib/errors.ts";
import { openTurns } from "../../lib/http/turns.ts";

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const code = (wanted: string) => (error: unknown) => isLakeError(error, "unavailable") && error.code === wanted;

describe("turns", () => {
  test("so many at once, so many wait, one more is refused at once", async () => {
    const turns = openTurns({ atOnce: 2, waiting: 1, withinMs: 5_000 });
    let underWay = 0;
    let most = 0;
    const work = async () => {
      underWay += 1;
      most = Math.max(most, underWay);
      await pause(20);
      underWay -= 1;
    };
    const three = [turns(work), turns(work), turns(work)];
    await assert.rejects(turns(work), code("SERVER_OVERLOADED"));
    await Promise.all(three);
    assert.equal(most, 2);
    await turns(work);
  });

  test("a request that takes too long is answered, and its work keeps its place until it has ended", async () => {
    const turns = openTurns({ atOnce: 1, waiting: 10, withinMs: 30 });
    let end: () => void = () => undefined;
    const hanging = turns(() => new Promise<void>((resolve) => (end = resolve)));
    await assert.rejects(hanging, code("REQUEST_TIMEOUT"));
    await assert.rejects(
      turns(async () => 1),
      code("SERVER_OVERLOADED"),
    );
    end();
    assert.equal(await turns(async () => 1), 1);
  });

  test("an error of the work is its own, and gives the place back", async () => {
    const turns = openTurns({ atOnce: 1, waiting: 0, withinMs: 1_000 });
    await assert.rejects(
      turns(() => Promise.reject(new Error("own"))),
      /own/,
    );
    assert.equal(await turns(async () => 1), 1);
  });
});
