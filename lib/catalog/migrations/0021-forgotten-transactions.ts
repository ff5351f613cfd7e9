/** Transactions that are forgotten: how far, of each table, so that no repetition of one is taken for a new request. */

import type { ColumnSpec, IndexSpec } from "./ddl.ts";

/** Of dl_tables. */
export const FORGOTTEN_COLUMNS: readonly ColumnSpec[] = [
  {
    name: "forgotten_version",
    type: "int64",
    default: "-1",
    comment:
      "Transactions that made versions up to this one may be forgotten, and no request that read an older version is committed; -1 for none.",
  },
  {
    name: "forgotten_before",
    type: "int64",
    default: "0",
    comment:
      "Ids that were made before this moment, in milliseconds, may be those of forgotten transactions; 0 for none.",
  },
];

/** Of dl_transactions. */
export const OLDEST_TRANSACTIONS: IndexSpec = {
  name: "dl_transactions_committed",
  columns: ["committed_at", "transaction_id"],
  where: "substr(request_hash, 1, 8) <> '00000000'",
  comment:
    "The oldest transactions, which are forgotten first; without those that nothing could refuse later, which stay.",
};

/** The commit refuses what may be a repetition of a forgotten request. */
export const COMMIT_ONE_WITH_FLOORS = `
create or replace function dl_commit_one_2(req jsonb) returns jsonb language plpgsql volatile as $function$
declare
  tabs constant jsonb := req->'tables';
  last constant int := jsonb_array_length(tabs) - 1;
  tx_id constant uuid := (req->>'transactionId')::uuid;
  made_at constant bigint := (req->>'madeAt')::bigint;
  first dl_transactions; t dl_tables; heads dl_tables[]; tab jsonb; tid uuid; now_ms bigint; ts bigint; given bigint; checked bigint;
  rejections jsonb := '[]'; moved jsonb := '[]'; committed jsonb := '[]'; bad jsonb; fresh boolean[]; one jsonb; told int := 0;
  place text; claim record; mirror jsonb; mirrors jsonb := '[]'; refused jsonb := '[]';
  known jsonb;
begin
  -- After the locks, or two twins would both find nothing.
  select * into first from dl_transactions where transaction_id = tx_id;
  if found then
    if first.request_hash <> req->>'requestHash' then return '{"status":"otherRequest"}'; end if;
    return jsonb_build_object('status', 'committed', 'replayed', true, 'committedAt', first.committed_at,
      'tables', first.result::jsonb);
  end if;

  if req ? 'appends' then
    select jsonb_agg(x.transaction_id) into known from jsonb_array_elements(req->'appends') a
    join dl_transactions x on x.transaction_id = (a->>'transactionId')::uuid;
    if known is not null then return jsonb_build_object('status', 'appendsKnown', 'transactionIds', known); end if;
  end if;

  now_ms := floor(extract(epoch from clock_timestamp()) * 1000);
  -- The id itself says that it is old: it may be that of a transaction that is forgotten.
  if made_at < now_ms - 518400000 then
    select max(forgotten_before) into checked from dl_tables;
    if made_at < checked then return jsonb_build_object('status', 'forgotten', 'before', checked); end if;
  end if;
  ts := now_ms;
  for i in 0 .. last loop
    tab := tabs->i;
    tid := (tab->>'tableId')::uuid;
    if tab ? 'create' then
      place := tab->'create'->>'location';
      -- readClaims() of claims.ts
      select c.* into claim from (
        select d.name, d.location, lower(d.name) = lower(tab->'create'->>'name') named
        from dl_tables d where d.table_id = tid
        union all
        select d.name, d.location, true
        from dl_tables d where lower(d.name) = lower(tab->'create'->>'name') and d.status <> 'DELETED'
        union all
        select d.name, d.location, false
        from dl_tables d where d.location = any (array(select place union all
          select jsonb_array_elements_text(tab->'create'->'above'))) and d.status <> 'DELETED'
        union all
        (select d.name, d.location, false
        from dl_tables d where d.location > place || '/' and d.location < place || '0' and d.status <> 'DELETED'
        order by d.location limit 1)
      ) c order by not c.named, c.location limit 1;
      if found then
        rejections := rejections || jsonb_strip_nulls(case when claim.named
          then jsonb_build_object('tableId', tid, 'reason', 'nameTaken', 'name', nullif(claim.name, tab->'create'->>'name'))
          else jsonb_build_object('tableId', tid, 'reason', 'locationTaken', 'name', claim.name, 'location', claim.location) end);
      end if;
      given := case when last = 0 then (tab->>'givenTimestamp')::bigint end;
      if given >= 0 and given <= now_ms + 300000 then ts := given; end if;
      continue;
    end if;
    select * into t from dl_tables where table_id = tid and status = 'ACTIVE';
    if not found or t.name <> tab->>'name' then
      rejections := rejections || jsonb_build_object('tableId', tid, 'reason', 'tableNotFound');
      continue;
    end if;
    heads[i] := t;
    checked := (tab->>'checkedVersion')::bigint;
    if t.version < (tab->>'seenVersion')::bigint then
      rejections := rejections || jsonb_build_object('tableId', tid, 'reason', 'headWentBack', 'version', t.version);
    elsif t.version < (tab->>'readVersion')::bigint then
      rejections := rejections || jsonb_build_object('tableId', tid, 'reason', 'readVersionAhead', 'version', t.version);
    elsif t.version + 1 <> (tab->>'expectedVersion')::bigint then
      rejections := rejections || jsonb_build_object('tableId', tid, 'reason', 'versionTaken', 'version', t.version);
    elsif not tab ? 'expectedVersion' and (made_at < t.forgotten_before
      or (not coalesce((req->>'dated')::boolean, false) and (tab->>'readVersion')::bigint < t.forgotten_version)) then
      rejections := rejections || jsonb_build_object('tableId', tid, 'reason', 'forgotten', 'version', t.forgotten_version);
    elsif t.metadata_version <> (tab->>'metadataVersion')::bigint or t.protocol_version <> (tab->>'protocolVersion')::bigint
      or (t.version > checked and ((tab->'watch' ? 'metadata_version' and t.metadata_version > checked) or (tab->'watch' ? 'protocol_version' and t.protocol_version > checked) or (tab->'watch' ? 'add_version' and t.add_version > checked) or (tab->'watch' ? 'non_blind_add_version' and t.non_blind_add_version > checked) or (tab->'watch' ? 'remove_version' and t.remove_version > checked) or (tab->'watch' ? 'txn_version' and t.txn_version > checked) or (tab->'watch' ? 'domain_version' and t.domain_version > checked))) then
      moved := moved || to_jsonb(tid);
    else
      given := case when last = 0 then (tab->>'givenTimestamp')::bigint end;
      ts := case when given > t.timestamp and given <= now_ms + 300000 then given
        else greatest(ts, t.timestamp + 1) end;
      mirror := dl_mirror_facts(tid, req->'mirror');
      mirrors := mirrors || mirror;
      if mirror ? 'refusal' then
        refused := refused || jsonb_build_object('tableId', tid, 'reason', mirror->'refusal', 'mirror', mirror);
      end if;
    end if;
  end loop;
  if rejections <> '[]' then return jsonb_build_object('status', 'rejected', 'rejections', rejections); end if;
  if moved <> '[]' then return jsonb_build_object('status', 'moved', 'tableIds', moved); end if;
  if refused <> '[]' then return jsonb_build_object('status', 'rejected', 'rejections', refused, 'now', now_ms); end if;

  for i in 0 .. last loop
    tab := tabs->i;
    t := heads[i];
    bad := dl_check_rows_2((tab->>'tableId')::uuid, coalesce(t.version, -1), coalesce(t.remove_version, -1), tab);
    fresh[i] := bad is null;
    if bad <> '[]' then
      for one in select r from jsonb_array_elements(bad) r loop
        exit when told >= 40000;
        rejections := rejections || one;
        told := told + 200 + coalesce(octet_length(one->>'path'), 0);
      end loop;
    end if;
  end loop;
  if rejections <> '[]' then return jsonb_build_object('status', 'rejected', 'rejections', rejections); end if;

  for i in 0 .. last loop
    tab := tabs->i;
    t := heads[i];
    if tab ? 'create' then
      insert into dl_tables (table_id, name, location, status, created_at)
      values ((tab->>'tableId')::uuid, tab->'create'->>'name', tab->'create'->>'location', 'ACTIVE', now_ms) returning * into t;
    end if;
    t := dl_write_version_2(t, jsonb_build_object('version', t.version + 1, 'timestamp', ts,
      'inCommitTimestamp', case when (tab->>'inCommitTimestamps')::boolean then ts end, 'transactionId', tx_id,
      'importing', false, 'complete', true, 'isCheckpoint', false, 'fresh', fresh[i]), tab);
    insert into dl_mirror_status (table_id, version, status, committed_at) values (t.table_id, t.version, 'IN_FLIGHT', now_ms);
    committed := committed || jsonb_build_object('tableId', t.table_id, 'version', t.version, 'timestamp', ts);
  end loop;
  insert into dl_transactions (transaction_id, request_hash, committed_at, result)
  values (tx_id, req->>'requestHash', ts, committed::text);
  if req ? 'appends' then
    insert into dl_transactions (transaction_id, request_hash, committed_at, result)
    select (a->>'transactionId')::uuid, a->>'requestHash', ts,
      jsonb_build_array((committed->0) || jsonb_build_object('adds', a->'adds'))::text
    from jsonb_array_elements(req->'appends') a;
  end if;
  return jsonb_build_object('status', 'committed', 'replayed', false, 'committedAt', ts, 'tables', committed,
    'mirrors', mirrors, 'now', now_ms);
end $function$`;
