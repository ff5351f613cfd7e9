/** Finds tables by their logs: walks the folders below a root, and goes into no table, whose data files may be millions. */

import { LOG_FOLDER } from "../delta/files/log-files.ts";
import type { ObjectStore } from "../ports.ts";
import { fromLocation, fromS3Location, toLocation } from "./location.ts";
import { openStore } from "./stores.ts";

/** Folders that are looked at together: on S3 each is two calls. */
const AT_ONCE = 16;

/** @param root canonical. @throws LakeError unavailable */
export async function* findTables(root: string): AsyncGenerator<string> {
  const store = openStore(root);
  let folders: readonly string[] = [""];
  while (folders.length > 0) {
    const below: string[] = [];
    for (let i = 0; i < folders.length; i += AT_ONCE) {
      const some = folders.slice(i, i + AT_ONCE);
      const looks = await Promise.all(some.map((folder) => look(store, folder)));
      for (const [at, inner] of looks.entries()) {
        if (inner === "table") yield await locationOf(root, some[at] ?? "");
        else below.push(...inner);
      }
    }
    folders = below;
  }
}

/** @param folder empty, or with a slash at its end */
async function look(store: ObjectStore, folder: string): Promise<"table" | readonly string[]> {
  for await (const _ of store.list(`${folder}${LOG_FOLDER}/`)) return "table";
  const folders: string[] = [];
  for await (const name of store.listFolders(folder)) folders.push(`${folder}${name}/`);
  return folders;
}

/** As whoever made a table there would have written it. */
async function locationOf(root: string, folder: string): Promise<string> {
  if (folder === "") return root;
  const path = folder.slice(0, -1);
  return fromS3Location(root) ? `${root}/${path}` : toLocation(`${fromLocation(root)}/${path}`);
}
