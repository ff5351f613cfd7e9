/** What is kept in bounded memory: the oldest goes when there is no room, and never all at once. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { BoundedMap } from "../lib/bounded-map.ts";

const held = (map: BoundedMap<number, string>, keys: readonly number[]) => keys.filter((key) => map.get(key));

test("at the bound one goes for each that comes: that which has not been asked for the longest", () => {
  const map = new BoundedMap<number, string>(3);
  for (const key of [1, 2, 3]) map.set(key, `${key}`);
  assert.equal(map.get(1), "1");
  map.set(4, "4");
  assert.deepEqual([map.size, held(map, [1, 2, 3, 4])], [3, [1, 3, 4]]);
  map.set(3, "three");
  assert.deepEqual([map.size, map.get(3)], [3, "three"]);
  map.delete(3);
  assert.deepEqual([map.size, map.get(3)], [2, undefined]);
});
