/** Settings that guides of this kind of service name, and that this one does not have: each with the reason and what to do instead. */

export interface Refusal {
  readonly why: string;
  readonly instead: string;
}

/** By path; what lies below one is refused with it. */
export const REFUSED: Readonly<Record<string, Refusal>> = {
  "performance.lazy_loading.cache_size": {
    why: "pages are not kept: each is read from SQL, at the version that its cursor names",
    instead: "performance.cache keeps whole answers; remove this one.",
  },
  "security.encryption_at_rest": {
    why: "data lies in stores that are not ours, and nothing here could keep the promise",
    instead:
      "Turn encryption on where the data is: the bucket (SSE-KMS), the volume, the database server. Backups are encrypted with a key (dl backup --key-file, DL_BACKUP_KEY).",
  },
  "security.audit_logging": {
    why: "there is no audit log apart from the log",
    instead: "Set logging.access: each request is a line with its principal, tables and status.",
  },
  databases: {
    why: "a server has one catalog, so that a transaction can hold all of its tables",
    instead: "Run a server for each catalog, and set database.url.",
  },
  backup_directory: { why: "backups are made by a command", instead: "dl backup --to DIR, by cron or a timer." },
  retention_days: {
    why: "it could mean backups or tables",
    instead:
      "Backups: dl backup prune --keep-days. Tables: maintenance.history_retention_days, and the properties of a table.",
  },
  cloud_upload: { why: "backups go where they are told to", instead: "dl backup --to s3://bucket/prefix." },
};

/** Likewise, variables of the environment. */
export const REFUSED_VARIABLES: Readonly<Record<string, Refusal>> = {
  ENCRYPTION_KEY: {
    why: "it encrypts nothing here",
    instead:
      "The key of backups is DL_BACKUP_KEY, that of secrets in the file DL_CONFIG_KEY; data is encrypted where it lies. Unset it for this service.",
  },
  AUDIT_LOG_FILE: {
    why: "there is no audit log apart from the log",
    instead: "Use logging.file (DL_LOGGING_FILE), which has a line for each request; unset it for this service.",
  },
};
