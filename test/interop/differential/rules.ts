/** What readers cannot do whoever wrote the table, and what we refuse although all readers take it: each with its reason. */

interface Entry {
  readonly matches: RegExp;
  readonly reason: string;
}

/** Errors by which a reader says that it lacks something, which no table can help. */
const LIMITS: Readonly<Record<string, readonly Entry[]>> = {
  "delta-rs": [
    { matches: /typeWidening|type widening/i, reason: "it has no type widening" },
    { matches: /Unsupported table features required/, reason: "it lacks this feature" },
  ],
  DuckDB: [
    {
      matches: /Unsupported Arrow type VARIANT|Feature 'variant\w+' is not supported/,
      reason: "it has no variant in Delta tables",
    },
  ],
  Spark: [
    { matches: /ArrowInvalid: Can't view array of type struct<value: binary/, reason: "it hands no variant to Python" },
  ],
  Polars: [
    { matches: /columnMapping|column mapping/i, reason: "it has no column mapping" },
    { matches: /typeWidening|v2Checkpoint|requires reader features/i, reason: "it lacks this feature" },
    {
      matches: /could not find a 'date\/datetime' pattern|could not parse .* with pattern|when reading CSV/,
      reason: "it reads partition values from the names of folders, by a parser of CSV",
    },
    { matches: /=null .*"__HIVE_DEFAULT_PARTITION__"/, reason: "the folder of this text is that of null" },
  ],
};

/** Refusals of ours of what every reader takes: `matches` is held against status, code, pointer and message. */
export const JUSTIFIED: readonly (Entry & { readonly rule: string })[] = [
  {
    rule: "the protocol's types",
    matches:
      /expected (a 64-bit integer|a 32-bit integer|an integer|a string|true or false|an object|an array)|must be (an? (integer|string|object|array)|true or false)|that is not a count/,
    reason:
      "A member has the type that PROTOCOL.md gives it. Readers that do not need it step over it, or read null without a word; others, and our own checkpoints, cannot.",
  },
  {
    rule: "members that the protocol requires",
    matches: /"\w+" is missing|a field needs a "|needs path, partitionValues and size/,
    reason:
      "A member that the protocol requires is there. A reader that does not ask for it today may ask for it tomorrow.",
  },
  {
    rule: "one name, one value",
    matches: /DUPLICATE_NAME/,
    reason: "Parsers differ in which of two members of one name they take, so two readers may see two tables.",
  },
  {
    rule: "one action per object",
    matches: /one action per object|the action object is empty/,
    reason: "PROTOCOL.md, Actions: a line holds one action. Readers take the one that they look for first.",
  },
  {
    rule: "no action twice",
    matches: /DELTA_DUPLICATE_ACTIONS_FOUND|two (add|remove|txn|metaData|protocol)/,
    reason: "Reconciliation does not say which of two wins; Spark's writer refuses them (checkNoDuplicateActions).",
  },
  {
    rule: "change files change nothing",
    matches: /of the cdc file/,
    reason:
      "PROTOCOL.md, Add CDC File. None of the four readers opens change files when it reads rows, Spark does for the change feed.",
  },
  {
    rule: "domains belong to their feature",
    matches: /the domain "delta\.|needs the table feature "domainMetadata"/,
    reason:
      "PROTOCOL.md, Domain Metadata: the feature must be supported, and domains of the system mean what it says. Readers do not look at them, writers do.",
  },
  {
    rule: "features that the protocol lists",
    matches:
      /DELTA_INVALID_PROTOCOL_DOWNGRADE|DELTA_UNSUPPORTED_FEATURES_FOR_WRITE|DELTA_FEATURES_REQUIRE_MANUAL_ENABLEMENT|DELTA_INVALID_PROTOCOL_VERSION|UNSUPPORTED_FEATURE|can only be "supported"/,
    reason:
      "What a feature asks of a commit can only be checked for features that we know. Readers do not look at features of writers; the next writer refuses the table.",
  },
  {
    rule: "deletion vectors delete rows that are there",
    matches: /deletes more rows than the file has|is inline and has an offset/,
    reason:
      "PROTOCOL.md, Deletion Vectors: cardinality is a count of rows, and an inline vector has no offset. Counts of records that are made from them would be negative.",
  },
  {
    rule: "deletion vectors say what they hold",
    matches:
      /the deletion vector of .* (deletes no row|needs a sizeInBytes|says \d+ (bytes|rows)|is in a file, so it needs)/,
    reason:
      "PROTOCOL.md, Deletion Vectors. Spark holds the descriptor against the bitmap and refuses the file, or shows deleted rows again; readers on the Rust kernel look at the bitmap alone.",
  },
  {
    rule: "statistics of the type of their column",
    matches: /DELTA_INVALID_STATS/,
    reason:
      "PROTOCOL.md, Per-file Statistics. Some readers read null without a word, others refuse the table, by type and by version; a checkpoint with parsed statistics cannot hold them.",
  },
  {
    rule: "names that the change data feed needs",
    matches: /is a name that the change data feed needs/,
    reason: "Spark reads the table, but no longer its change feed (DELTA_TABLE_WITH_CDC_COLUMNS).",
  },
  {
    rule: "column mapping as the protocol has it",
    matches: /delta\.columnMapping\./,
    reason:
      "Ids are 32-bit in Parquet, greater than 0, never given twice and never above maxColumnId: the next writer would give one out again.",
  },
  {
    rule: "Iceberg's rules",
    matches: /icebergCompat/i,
    reason:
      "PROTOCOL.md, Iceberg Compatibility: about what converters to Iceberg can read, which Delta readers do not notice.",
  },
  {
    rule: "clustering or partitions",
    matches: /DELTA_CLUSTERING_WITH_PARTITIONS/,
    reason: "PROTOCOL.md, Clustered Table: a clustered table is not partitioned; writers refuse one that is.",
  },
  {
    rule: "columns for moved row ids",
    matches: /delta\.rowTracking\.materializedRow/,
    reason: "Rows that writers move would keep their ids in a column that holds something else.",
  },
  {
    rule: "a table stays the same table",
    matches: /metaData\.id must stay/,
    reason: "Streams of Spark, and caches of every engine, take a new id for another table.",
  },
  {
    rule: "statistics count the rows that are there",
    matches: /FILE_STATS_MISMATCH/,
    reason:
      "Readers that answer count(*) from statistics give another number than those that read. Found with verifyFiles deep alone.",
  },
  {
    rule: "removes name live files",
    matches: /REMOVE_OF_UNKNOWN_FILE/,
    reason: "Readers pass over a remove that hits nothing; the file that was meant stays, and its rows with it.",
  },
  {
    rule: "partition values for the partition columns",
    matches: /DELTA_INVALID_PARTITION_COLUMN/,
    reason:
      "PROTOCOL.md, Add File: partitionValues has the table's partition columns. Readers pass over others and read missing ones as null.",
  },
  {
    rule: "Parquet alone",
    matches: /the format ".*" is not supported/,
    reason: "PROTOCOL.md, Format Specification. Readers do not look at it as long as the files are Parquet.",
  },
  {
    rule: "a default for old rows",
    matches: /is new and has a default/,
    reason:
      "Delta has no defaults for rows that are there: some engines would show null, some the default. Spark refuses it (DELTA_ADD_COLUMN_WITH_DEFAULT…).",
  },
  {
    rule: "the rows at hand have the new schema",
    matches: /DELTA_UNSUPPORTED_SCHEMA_CHANGE|DELTA_PARTITION_COLUMNS_CHANGED/,
    reason:
      "What a new schema says must hold for the rows that stay. Readers cast them, each in its own way, or do not check at all, and the values of a dropped column come back under the next one of its name. Spark's writer refuses such changes, too.",
  },
  {
    rule: "names and types of columns as Spark has them",
    matches: /DELTA_INVALID_SCHEMA/,
    reason:
      "Spark's writer takes no other names and types; its reader, the kernel, or both fail on the metadata of columns that have another type than theirs.",
  },
  {
    rule: "properties as docs/properties.md has them",
    matches: /DELTA_INVALID_TABLE_PROPERTY|DELTA_UNKNOWN_CONFIGURATION/,
    reason:
      "Spark's writer refuses them, its reader some; other readers do not look. What nobody parses does not do what its name says: nothing is kept for seven dayz.",
  },
  {
    rule: "a name near a known one",
    matches: /UNKNOWN_FIELD|UNKNOWN_ACTION/,
    reason: "It is misspelt: every reader passes over it, and what it was to say is lost without a word.",
  },
  {
    rule: "paths are URIs",
    matches: /must be percent-encoded/,
    reason: "PROTOCOL.md, Add File: a path is a URI by RFC 2396. Readers forgive some letters, each others.",
  },
  {
    rule: "times that calendars have",
    matches: /expected milliseconds since 1970/,
    reason: "Engines convert times of files for VACUUM and for Arrow; one beyond the year 9999 overflows there.",
  },
  {
    rule: "one text for one partition value",
    matches: /DELTA_INVALID_PARTITION_VALUE/,
    reason:
      "Texts such as 1e400 or a 60th second have no value in the column's type, and readers make different ones of their kind.",
  },
];

export function limitOf(reader: string, error: string): string | undefined {
  return LIMITS[reader]?.find(({ matches }) => matches.test(error))?.reason;
}

export function justification(refusal: string): string | undefined {
  return JUSTIFIED.find(({ matches }) => matches.test(refusal))?.rule;
}
