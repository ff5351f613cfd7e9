/** What the health of `dl serve` asks beside the database: the storage for new tables, folders that hang, the queue and the mirror behind it. */

import type { ServicePart } from "../../http/service-health.ts";
import { toLocation } from "../../lake/local.ts";
import { askStorage, hangingFolders } from "../../lake/stores.ts";
import type { Background } from "./background/background.ts";

/** Named in one sentence. */
const NAMED = 5;

export function serviceParts(background: Background, storage: string | undefined): readonly ServicePart[] {
  return [
    ...(storage === undefined
      ? []
      : [
          {
            name: "storage",
            check: async () => {
              await askStorage(await toLocation(storage));
              return [];
            },
          },
        ]),
    {
      name: "folders",
      check: async () => {
        const { folders } = await background.hanging();
        return namesOf([...hangingFolders(), ...folders].map(({ folder, ms }) => [folder, ms]));
      },
    },
    {
      name: "queue",
      check: async () => {
        await background.hanging();
        return [];
      },
    },
    {
      name: "mirror",
      check: async () => {
        const { tables } = await background.hanging();
        return namesOf(tables.map(({ tableId, ms }) => [tableId, ms]));
      },
    },
  ];
}

function namesOf(hanging: readonly (readonly [name: string, ms: number])[]): readonly string[] {
  const named = hanging.slice(0, NAMED).map(([name, ms]) => `${name} has not answered for ${(ms / 1000).toFixed(1)} s`);
  return hanging.length > NAMED ? [...named, `and ${hanging.length - NAMED} more`] : named;
}
