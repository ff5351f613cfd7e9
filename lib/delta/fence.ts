/** Puts the fence up and takes it down: the protocol with and without the one feature that only we know. Pure. */

import type { Protocol } from "./actions.ts";
import { FENCE, supportedFeatures } from "./features.ts";

/** `on`: every other writer must refuse the table. */
export type FenceState = "on" | "off";

export function isFenced(protocol: Protocol): boolean {
  return protocol.writerFeatures?.includes(FENCE) ?? false;
}

/**
 * The protocol with the fence up or down; the same object when it is so already. A table of a numbered protocol is upgraded
 * to writer version 7, which lists every feature that the number implied (PROTOCOL.md, "Table Features for New and Existing
 * Tables"); its reader version stays, so that all who could read it still can. Taking the fence down leaves that upgrade.
 */
export function withFence(protocol: Protocol, fence: FenceState): Protocol {
  if (isFenced(protocol) === (fence === "on")) return protocol;
  if (fence === "off")
    return { ...protocol, writerFeatures: (protocol.writerFeatures ?? []).filter((name) => name !== FENCE) };
  return { ...protocol, minWriterVersion: 7, writerFeatures: [...supportedFeatures(protocol), FENCE] };
}
