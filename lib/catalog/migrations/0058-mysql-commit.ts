/**
 * dl_try_commit of MySQL and MariaDB: a group of commits in one call, with its locks and its transaction. It writes what plainly can be
 * committed, and leaves everything else to the steps of commit/steps.ts, which know why something is refused: each of its conditions may
 * be stricter than theirs, and none laxer. What calls it is engines/mysql/try-commit.ts. The text is frozen, as all migrations are:
 * another one takes its place by a later migration.
 */

/** Each server reads one of the two comments. */
const BYTEWISE = "/*!80017 collate utf8mb4_0900_bin */ /*M!100500 collate utf8mb4_nopad_bin */";
export const TEXT = `longtext character set utf8mb4 ${BYTEWISE}`;
export const ID = `varchar(36) character set utf8mb4 ${BYTEWISE}`;
const STATUS = "/*!80017 performance_schema.global_status */ /*M!100500 information_schema.global_status */";
const SERVER = "/*!80017 @@server_uuid, */ /*M!100500 @@server_uid, */";
const EPOCH = `concat_ws('.', unix_timestamp() - (select cast(variable_value as signed) from ${STATUS} where variable_name = 'UPTIME'),
    @@hostname, @@port, @@server_id, ${SERVER} database(),
    (select create_time from information_schema.tables where table_schema = database() and table_name = 'dl_tables'))`;
const OPEN = "9007199254740991";

/** Rows of a JSON document, by the names of their members. What cannot be stored as it is fails: it does not become NULL. */
function rows(document: string, path: string, columns: Readonly<Record<string, string>>): string {
  const each = Object.entries(columns).map(([name, type]) => `"${name}" ${type} path '$.${name}' error on error`);
  return `json_table(${document}, '${path}' columns (${each.join(", ")}))`;
}

const KEYS = { path: TEXT, path_key: "char(32)", dv_key: TEXT };
const ADD = {
  partition_values: TEXT,
  size: "bigint",
  modification_time: "bigint",
  data_change: "tinyint",
  stats: TEXT,
  tags: TEXT,
  deletion_vector: TEXT,
  clustering_provider: TEXT,
  unknown: TEXT,
  num_records: "bigint",
  h0: "bigint",
  h1: "bigint",
  h2: "bigint",
  h3: "bigint",
};
const ADD_NAMES = Object.keys(ADD).join(", ");
const addsAs = (columns: Readonly<Record<string, string>>) => rows("tab", "$.adds[*]", columns);
const removesAs = (columns: Readonly<Record<string, string>>) => rows("tab", "$.removes[*]", columns);

const MARKERS = ["add", "non_blind_add", "remove", "txn", "domain", "metadata", "protocol"];
const WATCHED_HAS_MOVED = MARKERS.map(
  (name) => `(h_${name} > checked_version and json_contains(json_extract(tab, '$.of.watch'), '"${name}_version"'))`,
).join(" or ");

const LANES = [0, 1, 2, 3];

/** Signed 64-bit numbers alone: a sum is a decimal, whose bits are none. */
const CLOSED = `count(*), coalesce(sum(f.size), 0), ${LANES.map((i) => `coalesce(sum(f.h${i}), 0)`).join(", ")}`;
const intoClosed = (kind: "gone" | "over") => `n_${kind}, ${kind}_size, ${LANES.map((i) => `${kind}_${i}`).join(", ")}`;
const closedVariables = (kind: "gone" | "over") =>
  `declare n_${kind}, ${kind}_size, ${LANES.map((i) => `${kind}_${i}`).join(", ")} bigint default 0;`;

/** The scalars of a table's request, each with its variable. They come first in an object of their own, as MariaDB reads JSON from the front for each. */
const OF_TABLE = {
  tableId: ["tid", ID],
  name: ["table_name_", TEXT],
  readVersion: ["read_version", "bigint"],
  upTo: ["up_to", "bigint"],
  checkedVersion: ["checked_version", "bigint"],
  metadataVersion: ["read_metadata", "bigint"],
  protocolVersion: ["read_protocol", "bigint"],
  inCommitTimestamps: ["has_times", "tinyint"],
  expectedVersion: ["expected_version", "bigint"],
  seenVersion: ["seen_version", "bigint"],
  isBlindAppend: ["is_blind", "tinyint"],
  rowIds: ["has_row_ids", "tinyint"],
  userDomains: ["has_user_domains", "tinyint"],
  highWaterMark: ["given_mark", "bigint"],
  numAdds: ["n_adds", "int"],
  numRemoves: ["n_removes", "int"],
  numTxns: ["n_txns", "int"],
  numDomains: ["n_domains", "int"],
  numOthers: ["n_others", "int"],
  size: ["add_size", "bigint"],
  records: ["add_records", "bigint"],
  lane0: ["add_0", "bigint"],
  lane1: ["add_1", "bigint"],
  lane2: ["add_2", "bigint"],
  lane3: ["add_3", "bigint"],
  metadata: ["new_metadata", TEXT],
  protocol: ["new_protocol", TEXT],
  commitInfo: ["commit_info_", TEXT],
} as const;
const OF_REQUEST = {
  transactionId: ["tx_id", ID],
  requestHash: ["hash", TEXT],
  epoch: ["wanted_epoch", TEXT],
  madeAt: ["made_at", "bigint"],
  neverForgottenMs: ["never_forgotten", "bigint"],
  dated: ["is_dated", "tinyint"],
  maxUnpublished: ["max_unpublished", "bigint"],
  maxAhead: ["max_ahead", "bigint"],
  givenTimestamp: ["given", "bigint"],
  numTables: ["n_tables", "int"],
  numLocks: ["n_locks", "int"],
  numAppends: ["n_appends", "int"],
} as const;
const OF_GROUP = {
  database: ["wanted", ID],
  waits: ["waits", "tinyint"],
  lockSeconds: ["lock_seconds", "int"],
  numLocks: ["n_locks", "int"],
  numRequests: ["n_requests", "int"],
} as const;

type Scalars = Readonly<Record<string, readonly [variable: string, type: string]>>;
const namesOf = (scalars: Scalars) => Object.values(scalars).map(([variable]) => variable);
const declared = (...all: readonly Scalars[]) =>
  [...new Map(all.flatMap((scalars) => Object.values(scalars)))]
    .map(([name, type]) => `declare ${name} ${type};`)
    .join(" ");
const taken = (document: string, scalars: Scalars) =>
  `select ${Object.keys(scalars)
    .map((name) => `j."${name}"`)
    .join(", ")} into ${namesOf(scalars).join(", ")}
    from ${rows(document, "$.of", Object.fromEntries(Object.entries(scalars).map(([name, [, type]]) => [name, type])))} j;`;

const lockNamed = (document: string, seconds: string) => `coalesce(get_lock(sha2(concat(database(), '/',
        json_unquote(json_extract(${document}, concat('$.of.locks[', k, ']')))), 256), ${seconds}), 0)`;

/** Of the head's row, with its variables. */
const HEAD = {
  name: ["h_name", TEXT],
  version: ["v", "bigint"],
  timestamp: ["h_timestamp", "bigint"],
  row_id_high_water_mark: ["mark", "bigint"],
  forgotten_before: ["forgotten_before_", "bigint"],
  forgotten_version: ["forgotten_version_", "bigint"],
  ...Object.fromEntries(MARKERS.map((name) => [`${name}_version`, [`h_${name}`, "bigint"] as const])),
} as const satisfies Scalars;

/** One mirror that is plainly well, as MIRROR_FACTS has it. */
const FACTS = `
        select cast(json_object('table_id', h.table_id, 'name', h.name, 'version', h.version, 'open_version', o.version,
            'open_status', o.status, 'committed_at', o.committed_at, 'attempts', o.attempts, 'tried_at', o.tried_at,
            'parity_version', p.version, 'checked_at', p.checked_at, 'outcome', p.outcome, 'drift', p.drift) as char),
          h.quarantine is not null or o.error_code is not null or f.error_code is not null or coalesce(p.drift, '{}') <> '{}'
            or coalesce(h.version - o.version + 1 >= max_unpublished, false)
        into facts, is_doubtful
        from dl_tables h
        left join dl_mirror_status o on o.table_id = h.table_id and o.version = (
          select min(m.version) from dl_mirror_status m where m.table_id = tid and m.status <> 'COMPLETE')
        left join dl_mirror_status f on f.table_id = h.table_id and f.version = coalesce(o.version - 1, h.version)
          and f.status = 'COMPLETE' and f.error_code is not null
        left join dl_parity p on p.table_id = h.table_id
        where h.table_id = tid;`;

const CHECK_FILES = `
        if n_removes > 0 then
          select ${CLOSED} into ${intoClosed("gone")}
          from ${removesAs(KEYS)} r
          straight_join dl_files f force index (dl_files_live)
            on f.table_id = tid and f.path_key = unhex(r.path_key) and f.dv_key = r.dv_key and f.removed_version = ${OPEN}
            and f.path = r.path and f.added_version <= up_to;
          if n_gone <> n_removes then leave one_request; end if;
        end if;
        if n_adds > 0 then
          -- Whoever has or had the path since the read; and, of what is live, all but the same file and the one that goes.
          select coalesce(sum(f.removed_version < ${OPEN} or f.added_version > up_to
            or ((f.path <> a.path or f.dv_key <> a.dv_key) and not (f.dv_key <=> a.replaces)) or has_row_ids), 0),
            count(*)
          into n_doubts, n_live
          from ${addsAs({ ...KEYS, replaces: TEXT })} a
          straight_join dl_files f force index (dl_files_former)
            on f.table_id = tid and f.path_key = unhex(a.path_key) and f.removed_version > up_to;
          if n_doubts > 0 then leave one_request; end if;
          set vacuumed = null;
          select max(vacuum_floor) into vacuumed from dl_maintenance where table_id = tid;
          if vacuumed is not null then
            select count(*) into n_doubts from ${addsAs({ path_key: "char(32)" })} a
            straight_join dl_removes r force index (dl_removes_path)
              on r.table_id = tid and r.path_key = unhex(a.path_key) and r.version <= vacuumed;
            if n_doubts > 0 then leave one_request; end if;
          end if;
        end if;`;

const CLOSE_FILES = `
        if n_removes > 0 then
          update ${removesAs({ path_key: "char(32)", dv_key: TEXT })} r
          straight_join dl_files f force index (dl_files_live)
            on f.table_id = tid and f.path_key = unhex(r.path_key) and f.dv_key = r.dv_key and f.removed_version = ${OPEN}
          set f.removed_version = v;
          insert into dl_removes (table_id, version, ord, path_key, dv_key, path, deletion_timestamp, data_change, action)
          select tid, v, r.ord, unhex(r.path_key), r.dv_key, r.path, r.deletion_timestamp, r.data_change, r.action
          from ${removesAs({ ord: "int", ...KEYS, deletion_timestamp: "bigint", data_change: "tinyint", action: TEXT })} r;
        end if;
        if n_adds > 0 then
          if n_live > 0 then
            select ${CLOSED} into ${intoClosed("over")}
            from ${addsAs({ path_key: "char(32)", dv_key: TEXT })} a
            straight_join dl_files f force index (dl_files_live)
              on f.table_id = tid and f.path_key = unhex(a.path_key) and f.dv_key = a.dv_key and f.removed_version = ${OPEN};
            update ${addsAs({ path_key: "char(32)", dv_key: TEXT })} a
            straight_join dl_files f force index (dl_files_live)
              on f.table_id = tid and f.path_key = unhex(a.path_key) and f.dv_key = a.dv_key and f.removed_version = ${OPEN}
            set f.removed_version = v;
          end if;`;

const ADD_FILES = `
          if has_row_ids then
            insert into dl_files (table_id, added_version, ord, path, path_key, dv_key, ${ADD_NAMES}, base_row_id, default_row_commit_version)
            select tid, v, a.ord, a.path, unhex(a.path_key), a.dv_key, ${ADD_NAMES},
              mark + 1 + sum(coalesce(a.num_records, 0)) over (order by a.ord rows unbounded preceding) - coalesce(a.num_records, 0), v
            from ${addsAs({ ord: "int", ...KEYS, ...ADD })} a;
            set mark = mark + add_records;
          else
            insert into dl_files (table_id, added_version, ord, path, path_key, dv_key, ${ADD_NAMES}, base_row_id, default_row_commit_version)
            select tid, v, a.ord, a.path, unhex(a.path_key), a.dv_key, ${ADD_NAMES}, a.base_row_id, a.default_row_commit_version
            from ${addsAs({ ord: "int", ...KEYS, ...ADD, base_row_id: "bigint", default_row_commit_version: "bigint" })} a;
          end if;
        end if;`;

const WRITE_ACTIONS = `
        if new_metadata is not null then
          insert into dl_metadata (table_id, version, action) values (tid, v, replace(
            replace(new_metadata, concat('dl:version:', tx_id), v), concat('dl:timestamp:', tx_id), ts));
        end if;
        if new_protocol is not null then
          insert into dl_protocols (table_id, version, action) values (tid, v, new_protocol);
        end if;
        if n_txns > 0 then
          insert into dl_txns (table_id, version, ord, app_id, txn_version, last_updated, unknown)
          select tid, v, x.ord, x.app_id, x.txn_version, x.last_updated, x.unknown
          from ${rows("tab", "$.txns[*]", { ord: "int", app_id: TEXT, txn_version: "bigint", last_updated: "bigint", unknown: TEXT })} x;
        end if;
        if n_domains > 0 then
          insert into dl_domains (table_id, version, ord, domain, configuration, removed, unknown)
          select tid, v, x.ord, x.domain, x.configuration, x.removed, x.unknown
          from ${rows("tab", "$.domains[*]", { ord: "int", domain: TEXT, configuration: TEXT, removed: "tinyint", unknown: TEXT })} x;
        end if;
        if has_row_ids and mark > mark_before then
          insert into dl_domains (table_id, version, ord, domain, configuration, removed)
          values (tid, v, n_domains, 'delta.rowTracking', concat('{"rowIdHighWaterMark":', mark, '}'), false);
        end if;
        if n_others > 0 then
          insert into dl_other_actions (table_id, version, ord, action)
          select tid, v, x.ord, x.action from ${rows("tab", "$.others[*]", { ord: "int", action: TEXT })} x;
        end if;`;

const moved = (name: string, condition: string) =>
  `${name}_version = case when ${condition} then v else ${name}_version end`;

const WRITE_HEAD = `
        update dl_tables set version = v, timestamp = ts, num_files = num_files + n_adds - n_gone - n_over,
          size_in_bytes = cast(size_in_bytes as decimal(30)) + add_size - gone_size - over_size, row_id_high_water_mark = mark,
          ${LANES.map((i) => `fingerprint_${i} = (fingerprint_${i} + add_${i} - gone_${i} - over_${i}) & 4294967295`).join(", ")},
          ${[
            moved("metadata", "new_metadata is not null"),
            moved("protocol", "new_protocol is not null"),
            moved("add", "n_adds > 0"),
            moved("non_blind_add", "n_adds > 0 and not is_blind"),
            moved("remove", "n_removes + n_over > 0"),
            moved("txn", "n_txns > 0"),
            moved("domain", "has_user_domains"),
          ].join(", ")}
        where table_id = tid;
        insert into dl_versions (table_id, version, transaction_id, timestamp, in_commit_timestamp, is_blind_append, num_adds,
          num_removes, num_files, size_in_bytes, fingerprint_0, fingerprint_1, fingerprint_2, fingerprint_3, commit_info)
        select table_id, v, tx_id, ts, case when has_times then ts end, is_blind, n_adds,
          n_removes, num_files, size_in_bytes, fingerprint_0, fingerprint_1, fingerprint_2, fingerprint_3, commit_info_
        from dl_tables where table_id = tid;
        insert into dl_mirror_status (table_id, version, status, committed_at) values (tid, v, 'IN_FLIGHT', now_ms);`;

/** The answer is an array of objects: committed, moved, busy, or left to the steps. */
const TRY_COMMIT = `
create procedure dl_try_commit(in request ${TEXT})
modifies sql data sql security invoker
begin
  declare req json default request;
  declare answers, answer, facts, mirrors, committed, movers ${TEXT};
  declare present ${TEXT};
  declare one, tab json;
  declare i, j_, k, n_doubts, n_live int default 0;
  declare is_free, is_doubtful tinyint;
  declare now_ms, ts, vacuumed, mark_before bigint;
  ${declared(OF_GROUP, OF_REQUEST, OF_TABLE, HEAD)}
  ${closedVariables("gone")}
  ${closedVariables("over")}
  declare exit handler for sqlexception begin
    rollback;
    do release_all_locks();
    resignal;
  end;
  set transaction isolation level read committed;
  start transaction;
  ${taken("req", OF_GROUP)}
  set answers = '', i = 0, k = 0;
  if waits then
    while k < n_locks do
      if ${lockNamed("req", "lock_seconds")} <> 1 then
        signal sqlstate '45000' set mysql_errno = 1205, message_text = 'others commit to the same table';
      end if;
      set k = k + 1;
    end while;
  end if;
  set present = ${EPOCH};
  if not exists (select 1 from dl_migrations where id = 10 and database_id = wanted) then set present = null; end if;
  while i < n_requests do
    set answer = '{"status":"left"}';
    savepoint one_request;
    one_request: begin
      set one = json_extract(req, concat('$.requests[', i, ']'));
      ${taken("one", OF_REQUEST)}
      if not waits then
        set k = 0, is_free = 1;
        while k < n_locks and is_free do
          set is_free = ${lockNamed("one", "0")}, k = k + 1;
        end while;
        if not is_free then
          set answer = '{"status":"busy"}';
          leave one_request;
        end if;
      end if;
      if present is null or (wanted_epoch is not null and wanted_epoch <> present)
        or exists (select 1 from dl_transactions where transaction_id = tx_id) then
        leave one_request;
      end if;
      if n_appends > 0 then
        if exists (select 1 from ${rows("one", "$.appends[*]", { transactionId: ID })} a
          straight_join dl_transactions x on x.transaction_id = a."transactionId") then
          leave one_request;
        end if;
      end if;
      set now_ms = cast(floor(unix_timestamp(sysdate(3)) * 1000) as signed);
      if made_at < now_ms - never_forgotten then leave one_request; end if;
      select coalesce(max(h.timestamp) + 1, 0) into ts
      from ${rows("one", "$.of.tables[*]", { id: ID })} r straight_join dl_tables h on h.table_id = r.id;
      set ts = case when given >= ts and given <= now_ms + max_ahead then given else greatest(ts, now_ms) end;
      set j_ = 0, committed = '', mirrors = '', movers = '';
      while j_ < n_tables do
        set tab = json_extract(one, concat('$.tables[', j_, ']'));
        ${taken("tab", OF_TABLE)}
        set v = null;
        select ${Object.keys(HEAD).join(", ")} into ${namesOf(HEAD).join(", ")} from dl_tables where table_id = tid and status = 'ACTIVE';
        if v is null or h_name <> table_name_ or v < seen_version or v < read_version or v + 1 <> expected_version
          or (expected_version is null and (made_at < forgotten_before_ or (not is_dated and read_version < forgotten_version_))) then
          leave one_request;
        end if;
        if h_metadata <> read_metadata or h_protocol <> read_protocol or (v > checked_version and (${WATCHED_HAS_MOVED})) then
          set movers = concat(movers, ',"', tid, '"');
        end if;
        ${FACTS}
        if is_doubtful then leave one_request; end if;
        set mirrors = concat(mirrors, ',', facts);
        set v = v + 1, mark_before = mark, mark = greatest(mark, coalesce(given_mark, mark));
        set ${["gone", "over"].flatMap((kind) => [`n_${kind} = 0, ${kind}_size = 0`, ...LANES.map((i) => `${kind}_${i} = 0`)]).join(", ")};
        if movers = '' then
        ${CHECK_FILES}
        ${CLOSE_FILES}
        ${ADD_FILES}
        ${WRITE_ACTIONS}
        ${WRITE_HEAD}
        end if;
        set committed = concat(committed, ',{"tableId":"', tid, '","version":', v, ',"timestamp":', ts, '}');
        set j_ = j_ + 1;
      end while;
      if movers <> '' then
        set answer = concat('{"status":"moved","tableIds":[', substr(movers, 2), ']}');
        leave one_request;
      end if;
      set committed = substr(committed, 2);
      insert into dl_transactions (transaction_id, request_hash, committed_at, result)
      values (tx_id, hash, ts, concat('[', committed, ']'));
      if n_appends > 0 then
        insert into dl_transactions (transaction_id, request_hash, committed_at, result)
        select a."transactionId", a."requestHash", ts,
          concat('[', left(committed, char_length(committed) - 1), ',"adds":', a.adds, '}]')
        from ${rows("one", "$.appends[*]", { transactionId: ID, requestHash: TEXT, adds: TEXT })} a;
      end if;
      set answer = concat('{"status":"committed","committedAt":', ts, ',"tables":[', committed, '],"mirrors":[',
        substr(mirrors, 2), '],"now":', now_ms, '}');
    end one_request;
    if answer not like '{"status":"committed"%' then rollback to savepoint one_request; end if;
    set answers = concat(answers, ',', answer), i = i + 1;
  end while;
  commit;
  do release_all_locks();
  select concat('[', substr(answers, 2), ']') as answers;
end`;

export const MYSQL_COMMIT: readonly string[] = ["drop procedure if exists dl_try_commit", TRY_COMMIT];
