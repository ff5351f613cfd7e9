/** What a CDK app of one's own imports: `import { DeltaLakeCatalog } from "deltalakedb/infra"`. */

export { AppStack } from "./app-stack.ts";
export { DataStack } from "./data-stack.ts";
export {
  DeltaLakeCatalog,
  type DeltaLakeCatalogProps,
  type ExistingDatabase,
  type Overrides,
} from "./delta-lake-catalog.ts";
export { FirewallStack, type FirewallStackProps } from "./firewall-stack.ts";
export { type Given, type Settings, STAGES, type StageName, settingsFor } from "./settings.ts";
