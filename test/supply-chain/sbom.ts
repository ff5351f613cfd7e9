/** Prints the bill of materials of what is shipped, in CycloneDX: `npm run sbom`. It needs the lock file alone. */

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ROOT } from "../support/source-tree.ts";
import { lockedPackages } from "./lock.ts";

interface Component {
  readonly "bom-ref": string;
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  readonly hashes?: readonly { readonly alg: string; readonly content: string }[];
  readonly licenses?: readonly object[];
}

export interface Bom {
  readonly bomFormat: string;
  readonly specVersion: string;
  readonly metadata: { readonly component: Component };
  readonly components: readonly Component[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
}

/** By npm's own command. It would leave out with `--omit dev` what both the product and its tools need, so that is done here; and it names us by our folder. */
export function billOfMaterials(): Bom {
  const args = ["sbom", "--package-lock-only", "--sbom-format", "cyclonedx", "--sbom-type", "application"];
  const all = JSON.parse(execFileSync("npm", args, { cwd: ROOT, encoding: "utf8", maxBuffer: 2 ** 26 })) as Bom;
  const { name } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { name: string };
  const shipped = new Set(lockedPackages().flatMap((one) => (one.isShipped ? [`${one.name}@${one.version}`] : [])));
  const components = all.components.filter((one) => shipped.has(`${one.name}@${one.version}`));
  const refs = new Set([...components, all.metadata.component].map((one) => one["bom-ref"]));
  return {
    ...all,
    metadata: { ...all.metadata, component: { ...all.metadata.component, name } },
    components,
    dependencies: all.dependencies
      .filter(({ ref }) => refs.has(ref))
      .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((on) => refs.has(on)) })),
  };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href)
  console.log(JSON.stringify(billOfMaterials(), null, 2));
