/** The functions that keep the lake safe and tidy: backups, restores for practice, maintenance. */

import { Duration, Size } from "aws-cdk-lib";
import { Construct } from "constructs";
import type { DutyName } from "../../lib/lake/duties.ts";
import { MEMORY_MB } from "../memory.ts";
import type { Settings } from "../settings.ts";
import type { DatabaseAccess } from "./database.ts";
import { allowDuty, databaseUrlOf } from "./duties.ts";
import type { Placement } from "./function-network.ts";
import { rootsIn, type Tables } from "./lake-bucket.ts";
import type { Queues } from "./queues.ts";
import { allowBackups, allowDatabase, allowSecret, backupRoleName, maintenanceRoleName } from "./roles.ts";
import { ServiceFunction } from "./service-function.ts";
import { environmentOf } from "./service-functions.ts";

/** The longest that Lambda has; what is left then is for the next run. */
const LONGEST = Duration.minutes(15);
/** Room for a catalog of SQLite, into which backups are restored. */
const SCRATCH = Size.gibibytes(10);

export interface SafetyFunctionsProps {
  readonly settings: Settings;
  readonly database: DatabaseAccess;
  readonly tables: Tables;
  readonly backups: Tables;
  readonly queues: Queues;
  readonly network?: Placement | undefined;
}

export class SafetyFunctions extends Construct {
  readonly backup: ServiceFunction;
  readonly drill: ServiceFunction;
  readonly maintenance: ServiceFunction;
  /** Only where somebody wants it. It may what maintenance may: what it has written in vain it takes away again. */
  readonly compaction: ServiceFunction | undefined;

  constructor(scope: Construct, id: string, props: SafetyFunctionsProps) {
    super(scope, id);
    const { settings, database, tables, backups, queues, network } = props;
    const { keySecret } = settings.backup;
    const common = {
      settings,
      network,
      environment: {
        ...environmentOf(props),
        BACKUPS: `s3://${backups.bucketName}`,
        ...(keySecret === undefined ? {} : { BACKUP_KEY_SECRET_ARN: keySecret }),
      },
      timeout: LONGEST,
      // The next run does the same work, and an alarm has told by then.
      retries: 0,
    };
    const as = (name: DutyName, environment: Readonly<Record<string, string>>) => ({
      ...environment,
      DATABASE_URL: databaseUrlOf(database, name),
    });
    this.backup = new ServiceFunction(this, "Backup", {
      ...common,
      entry: "backup",
      environment: as("backup", common.environment),
      memory: MEMORY_MB.backup,
      description: "Makes backups of the catalog, and verifies them",
      scratch: SCRATCH,
      roleName: backupRoleName(this, settings),
    });
    this.drill = new ServiceFunction(this, "Drill", {
      ...common,
      entry: "drill",
      memory: MEMORY_MB.drill,
      description: "Restores the newest backup for practice, and measures how long that takes",
      environment: {
        ...common.environment,
        ...(database.scratch ? { SCRATCH_DATABASE_URL: database.scratch.url } : {}),
      },
      scratch: SCRATCH,
    });
    this.maintenance = new ServiceFunction(this, "Maintenance", {
      ...common,
      entry: "maintenance",
      memory: MEMORY_MB.maintenance,
      description: "Removes what no version needs: files, old logs, dropped tables",
      environment: {
        ...as("maintenance", common.environment),
        VACUUM: String(settings.maintenance.vacuum),
        AUDIT_RETENTION_DAYS: String(settings.maintenance.auditRetentionDays),
      },
      parquet: true,
      roleName: maintenanceRoleName(this, settings),
    });
    const { compaction } = settings.maintenance;
    const roots = rootsIn(settings, tables);
    if (compaction !== "none") {
      this.compaction = new ServiceFunction(this, "Compaction", {
        ...common,
        entry: "compact",
        description: "Makes large data files of small ones",
        environment: { ...as("maintenance", common.environment), COMPACTION: compaction },
        // Two processors, and DuckDB's gigabyte beside ours.
        memory: 3538,
        scratch: SCRATCH,
        parquet: true,
        native: ["@duckdb/node-api"],
        role: this.maintenance.role,
      });
    }
    const places = { database, tables, queues, roots };
    allowDuty(this.backup.role, "backup", places);
    // It writes data files only where it compacts.
    allowDuty(this.maintenance.role, "maintenance", places, { more: this.compaction ? ["writeFiles"] : [] });
    allowBackups(this.backup.role, backups, "write");
    allowBackups(this.drill.role, backups, "read");
    if (database.scratch) allowDatabase(this.drill.role, database, "scratch");
    if (keySecret !== undefined) {
      for (const { role } of [this.backup, this.drill]) allowSecret(role, keySecret, database.keyArn);
    }
  }

  get all(): readonly ServiceFunction[] {
    return [this.backup, this.drill, this.maintenance, ...(this.compaction ? [this.compaction] : [])];
  }
}
