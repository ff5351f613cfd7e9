/** Protocol versions and features: is a protocol well formed, do we know it, may it follow another (docs/delta-rules.md §1, §3). */

import { invalid, LakeError } from "../errors.ts";
import type { Protocol } from "./actions.ts";
import { featureName, knownFeature, supportedFeatures } from "./features.ts";
import { isActive, type TableConfiguration } from "./table-configuration.ts";

const MAX_READER = 3;
const MAX_WRITER = 7;

/**
 * Refuses a protocol that we cannot read in full: for import and for anything that rebuilds a table.
 * @throws LakeError invalid: UNSUPPORTED_READER_PROTOCOL, UNSUPPORTED_WRITER_PROTOCOL, or UNSUPPORTED_FEATURE by name
 */
export function checkProtocolKnown(protocol: Protocol): void {
  const refuse = (code: string, message: string) =>
    invalid(message, {
      code,
      hint: "Import it with a release of deltalakedb that supports this protocol; nothing has been written.",
      facts: { protocol },
    });
  if (protocol.minReaderVersion > MAX_READER || protocol.minReaderVersion < 1) {
    throw refuse(
      "UNSUPPORTED_READER_PROTOCOL",
      `the table asks for reader version ${protocol.minReaderVersion}; we support 1 to ${MAX_READER}`,
    );
  }
  if (protocol.minWriterVersion > MAX_WRITER || protocol.minWriterVersion < 1) {
    throw refuse(
      "UNSUPPORTED_WRITER_PROTOCOL",
      `the table asks for writer version ${protocol.minWriterVersion}; we support 1 to ${MAX_WRITER}`,
    );
  }
  const unknown = [...supportedFeatures(protocol)].filter((name) => knownFeature(name) === undefined);
  if (unknown.length > 0) {
    throw refuse(
      "UNSUPPORTED_FEATURE",
      `the table uses ${unknown.length === 1 ? "the feature" : "the features"} ${unknown.map((f) => `"${f}"`).join(", ")}, which we do not support`,
    );
  }
}

/**
 * Checks the shape that the protocol prescribes for a protocol action (PROTOCOL.md, "Table Features"; docs/delta-rules.md §1).
 * @throws LakeError invalid
 */
export function checkProtocolShape(protocol: Protocol, at: string): void {
  const refuse = (message: string) => invalid(message, { at, code: "DELTA_INVALID_PROTOCOL_VERSION" });
  const { minReaderVersion: reader, minWriterVersion: writer } = protocol;
  if (reader < 1 || writer < 1) throw refuse("protocol versions start at 1");
  if (reader === 3 && writer !== 7) throw refuse("reader version 3 asks for writer version 7");
  if ((protocol.readerFeatures !== undefined) !== (reader === 3)) {
    throw refuse(`readerFeatures must ${reader === 3 ? "be present" : "be absent"} with minReaderVersion ${reader}`);
  }
  if ((protocol.writerFeatures !== undefined) !== (writer === 7)) {
    throw refuse(`writerFeatures must ${writer === 7 ? "be present" : "be absent"} with minWriterVersion ${writer}`);
  }
  const writers = new Set(protocol.writerFeatures ?? []);
  const readers = new Set(protocol.readerFeatures ?? []);
  for (const name of readers) {
    if (!writers.has(name)) throw refuse(`reader feature "${name}" must be a writer feature, too`);
    if (knownFeature(name)?.kind === "writer") throw refuse(`"${name}" is a writer feature; it is in readerFeatures`);
  }
  for (const name of writers) {
    const feature = knownFeature(name);
    const legacyColumnMapping = name === "columnMapping" && reader === 2;
    if (feature?.kind === "readerWriter" && !readers.has(name) && !legacyColumnMapping) {
      throw refuse(`feature "${name}" must be in readerFeatures, too`);
    }
    for (const needed of feature?.requires ?? []) {
      if (!writers.has(needed)) throw refuse(`feature "${name}" requires the feature "${needed}"`);
    }
  }
}

/**
 * A new protocol must support everything the old one does: we take upgrades, no feature drops. The first one replaces none.
 * @throws LakeError invalid
 */
export function checkProtocolUpgrade(before: Protocol | undefined, after: Protocol, at: string): void {
  checkProtocolShape(after, at);
  checkProtocolKnown(after);
  const listed = [...(after.writerFeatures ?? []), ...(after.readerFeatures ?? [])];
  const old = listed.find((name) => featureName(name) !== name && !before?.writerFeatures?.includes(name));
  if (old !== undefined) {
    throw invalid(`"${old}" is an old name: readers know the feature as "${featureName(old)}"`, {
      at,
      code: "DELTA_INVALID_PROTOCOL_VERSION",
    });
  }
  if (before === undefined) return;
  const features = supportedFeatures(after);
  const lost = [...supportedFeatures(before)].filter((name) => !features.has(name));
  const lower = after.minReaderVersion < before.minReaderVersion || after.minWriterVersion < before.minWriterVersion;
  if (lower || lost.length > 0) {
    const what = lost.length > 0 ? `it drops ${lost.map((f) => `"${f}"`).join(", ")}` : "a version number goes down";
    throw invalid(`the protocol can only be upgraded, but ${what}`, {
      at,
      code: "DELTA_INVALID_PROTOCOL_DOWNGRADE",
      facts: { before, after },
    });
  }
}

/**
 * Refuses a commit that some active feature forbids, or that needs a promise which the writer has not made.
 * @param declared names in the request's `supportedFeatures.writer` and `.reader`
 * @throws LakeError invalid DELTA_UNSUPPORTED_FEATURES_FOR_WRITE
 */
export function checkWritable(table: TableConfiguration, declared: ReadonlySet<string>, at: string): void {
  checkProtocolKnown(table.protocol);
  const undeclared: string[] = [];
  for (const name of table.features) {
    const duty = knownFeature(name)?.duty;
    if (duty === "readOnly") {
      throw new LakeError("invalid", `tables with the feature "${name}" are read-only here`, {
        at,
        code: "DELTA_UNSUPPORTED_FEATURES_FOR_WRITE",
        facts: { features: [name] },
      });
    }
    if (duty === "writer" && !declared.has(name) && isActive(name, table)) undeclared.push(name);
  }
  if (undeclared.length > 0) {
    const names = undeclared.map((f) => `"${f}"`).join(", ");
    throw invalid(`the table uses ${names}, which only a writer can honour, and the request does not declare support`, {
      at: `${at}/supportedFeatures`,
      code: "DELTA_UNSUPPORTED_FEATURES_FOR_WRITE",
      hint: `If your writer honours it, send "supportedFeatures": {"writer": [${names}]}.`,
      facts: { features: undeclared },
    });
  }
}
