/** What the caller of a commit may do, held against its parts in every round. */

import { LakeError } from "../../errors.ts";
import type { Rejection } from "../../ports.ts";
import type { Allowed } from "./author.ts";
import type { Part } from "./parts.ts";

export interface Limits {
  /** The parts, if all of them are allowed; new tables have been claimed then. @throws LakeError forbidden, notFound */
  within(parts: readonly Part[]): Promise<readonly Part[]>;
  /** Whether this error has come from there. */
  hasRefused(error: unknown): boolean;
  /** @throws LakeError forbidden where a file would be written again by who may only append */
  checkNewFiles(parts: readonly Part[], rejections: readonly Rejection[]): void;
}

export function openLimits({ allow, claim }: Allowed): Limits {
  let refusal: unknown;
  const claimed = new Set<string>();
  return {
    async within(parts) {
      if (allow === undefined) return parts;
      try {
        const appended = await allow(
          parts.map(({ asked, state, place }) => ({
            asked: asked.table,
            tableId: state.tableId,
            name: state.name,
            creates: place !== undefined,
            actions: asked.actions,
          })),
        );
        for (const { place } of parts) {
          if (place === undefined || claimed.has(place.tableId)) continue;
          await claim?.(place.tableId);
          claimed.add(place.tableId);
        }
        return parts.map((part) => {
          const newFilesOnly = appended.has(part.state.tableId);
          return (part.asked.newFilesOnly ?? false) === newFilesOnly
            ? part
            : { ...part, asked: { ...part.asked, newFilesOnly } };
        });
      } catch (error) {
        refusal = error;
        throw error;
      }
    },
    hasRefused: (error) => refusal !== undefined && error === refusal,
    checkNewFiles(parts, rejections) {
      for (const { tableId, reason, path, version = 0 } of rejections) {
        const { asked, state } = parts.find((part) => part.state.tableId === tableId) ?? {};
        if (reason !== "addedByWinner" || asked?.newFilesOnly !== true || version > asked.readVersion) continue;
        refusal = new LakeError(
          "forbidden",
          `"${path}" is or was in "${state?.name}": to write it again takes MODIFY`,
          {
            code: "ACCESS_DENIED",
            at: asked.at,
            hint: "Write the rows to a file with a new name; APPEND is enough for that.",
            facts: { privilege: "MODIFY", on: `table:${state?.name}` },
          },
        );
        throw refusal;
      }
    },
  };
}
