/**
 * dl_commit_2: a group of commits, each of any number of tables, in one call. dl_commit_one_2 is one of them; its twin in TypeScript is
 * commit/steps.ts.
 */

import type { MirrorFacts } from "../../../../delta/health.ts";
import { NEVER_FORGOTTEN_MS } from "../../../../delta/transaction-age.ts";
import { isJsonObject, type Json, parseJson } from "../../../../delta/values/json.ts";
import { corrupt } from "../../../../errors.ts";
import type { CommittedTable, Rejection } from "../../../../ports.ts";

import { type CommitGroup, type GroupAnswer, requestJson } from "../../../commit/planned-rows.ts";
import { type Queries, type Row, sql } from "../../../database.ts";
import { MAX_TIMESTAMP_AHEAD_MS, REJECTION_BYTES } from "../../../limits.ts";
import { MARKER_COLUMNS } from "../../../rows/heads.ts";
import { IDENTITY_MIGRATION } from "../../../rows/identity.ts";
import { factsAfter, mirrorFactsOf } from "../../../rows/mirror-facts.ts";
import { text } from "../../../rows/values.ts";
import { EPOCH } from "./epoch.ts";
import { PINNED } from "./settings.ts";
import { IS_PLAIN_APPEND, WRITE_APPEND } from "./write-append.ts";

const WATCHED_HAS_MOVED = Object.values(MARKER_COLUMNS)
  .map((column) => `(tab->'watch' ? '${column}' and t.${column} > checked)`)
  .join(" or ");

const call = (request: string) => sql`select dl_commit_2(${request}) as answers`;
/** The text of the one statement that a commit is. */
export const COMMIT_CALL = call("").text;

export async function commitByFunction(db: Queries, group: CommitGroup): Promise<readonly GroupAnswer[]> {
  const [row] = await db.writeReturning(call(requestJson(group)));
  const answers = row && parseJson(text(row, "answers"));
  if (!Array.isArray(answers) || answers.length !== group.requests.length) throw corrupt("dl_commit_2 gave no answers");
  return group.requests.map(({ transactionId }, i) => answerOf(answers[i], transactionId));
}

function answerOf(answer: Json | undefined, transactionId: string): GroupAnswer {
  if (!isJsonObject(answer)) throw corrupt("dl_commit_2 gave an answer that is no object");
  const factsOf = (row: unknown) => mirrorFactsOf(row as Row, answer.now as number);
  if (answer.status === "rejected") return { status: "rejected", rejections: rejectionsOf(answer.rejections, factsOf) };
  if (answer.status !== "committed") return answer as unknown as GroupAnswer;
  const tables = answer.tables as unknown as readonly CommittedTable[];
  const mirrors = answer.mirrors as unknown as readonly Row[] | undefined;
  return {
    status: "committed",
    replayed: answer.replayed === true,
    transactionId,
    committedAt: answer.committedAt as number,
    tables,
    ...(mirrors === undefined ? {} : { mirrors: factsAfter(mirrors.map(factsOf), tables) }),
  };
}

function rejectionsOf(rejections: unknown, factsOf: (row: unknown) => MirrorFacts): readonly Rejection[] {
  return (rejections as readonly Rejection[]).map((rejection) =>
    rejection.mirror === undefined ? rejection : { ...rejection, mirror: factsOf(rejection.mirror) },
  );
}

/** A group of requests, each under its own locks. Those of a group that waits come first and in order, so that no two groups wait for each other. */
export const COMMIT_GROUP = /* sql */ `
create function dl_commit_2(request text) returns text language plpgsql volatile ${PINNED} as $function$
declare
  req constant jsonb := request::jsonb;
  requests constant jsonb := req->'requests';
  waits constant boolean := (req->>'waits')::boolean;
  answers jsonb := '[]';
  is_free boolean := true;
  home uuid; present text;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'dl_commit_2 must run under READ COMMITTED' using errcode = '25001';
  end if;
  -- What is acknowledged is on the disk. Until the transaction ends: the commit comes after this function.
  if current_setting('synchronous_commit') = 'off' then perform set_config('synchronous_commit', 'on', true); end if;
  -- Another catalog may have come into the place of the one that the caller began with.
  select (select database_id from dl_migrations where id = ${IDENTITY_MIGRATION}), ${EPOCH} into home, present;
  if req ? 'database' and home is distinct from (req->>'database')::uuid then
    raise exception 'the request is for the catalog %', req->>'database' using errcode = 'DL001';
  end if;
  if waits then
    -- As dl_lock_both: all at once, in ascending order of their keys.
    perform case when k.s then pg_advisory_xact_lock_shared(k.h) else pg_advisory_xact_lock(k.h) end
    from (select hashtextextended(l.n, 0) h, bool_and(l.s) s
      from (select n, false s from jsonb_array_elements(requests) r, jsonb_array_elements_text(r->'locks') n union all
        select n, true from jsonb_array_elements(requests) r, jsonb_array_elements_text(r->'sharedLocks') n) l
      group by h order by h) k;
  end if;
  for i in 0 .. jsonb_array_length(requests) - 1 loop
    if not waits then
      select coalesce(bool_and(pg_try_advisory_xact_lock(hashtextextended(n, 0))), true) into is_free
      from jsonb_array_elements_text(requests->i->'locks') n;
      if is_free and requests->i ? 'sharedLocks' then
        select coalesce(bool_and(pg_try_advisory_xact_lock_shared(hashtextextended(n, 0))), true) into is_free
        from jsonb_array_elements_text(requests->i->'sharedLocks') n;
      end if;
    end if;
    answers := answers || case when not is_free then '{"status":"busy"}'
      when requests->i->>'epoch' <> present then jsonb_build_object('status', 'otherEpoch', 'epoch', present)
      else dl_commit_one_2(requests->i) end;
  end loop;
  return answers::text;
end $function$`;

/**
 * One request, under its locks: what is read after them nobody changes until the transaction ends. It writes all of it or, where the
 * answer is no commit, nothing. A statement costs more than the work in it, so
 * lists are walked by their index, heads are read once, and what a request does not have is not asked for.
 */
export const COMMIT_ONE = /* sql */ `
create function dl_commit_one_2(req jsonb) returns jsonb language plpgsql volatile as $function$
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
  if made_at < now_ms - ${NEVER_FORGOTTEN_MS} then
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
      if given >= 0 and given <= now_ms + ${MAX_TIMESTAMP_AHEAD_MS} then ts := given; end if;
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
      or (t.version > checked and (${WATCHED_HAS_MOVED})) then
      moved := moved || to_jsonb(tid);
    else
      given := case when last = 0 then (tab->>'givenTimestamp')::bigint end;
      ts := case when given > t.timestamp and given <= now_ms + ${MAX_TIMESTAMP_AHEAD_MS} then given
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
        exit when told >= ${REJECTION_BYTES.all};
        rejections := rejections || one;
        told := told + ${REJECTION_BYTES.each} + coalesce(octet_length(one->>'path'), 0);
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
    if ${IS_PLAIN_APPEND} then
      ${WRITE_APPEND}
      committed := committed || jsonb_build_object('tableId', t.table_id, 'version', t.version + 1, 'timestamp', ts);
      continue;
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
    perform dl_note_effect(a->>'attempt', (a->>'transactionId')::uuid, committed)
    from jsonb_array_elements(req->'appends') a where a ? 'attempt';
  end if;
  if req ? 'attempt' then perform dl_note_effect(req->>'attempt', tx_id, committed); end if;
  return jsonb_build_object('status', 'committed', 'replayed', false, 'committedAt', ts, 'tables', committed,
    'mirrors', mirrors, 'now', now_ms);
end $function$`;
