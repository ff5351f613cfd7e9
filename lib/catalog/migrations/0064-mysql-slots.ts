/**
 * What MySQL needs behind the Data API, where no session is ours: rows to lock in place of names (engines/mysql/slots.ts), and the commit as a
 * function. A statement that calls it is a transaction by itself, so one call is one commit; a procedure's rows are nothing that the Data
 * API promises to answer with. In a function plain reads see what was committed when the first of them began, so all locks come before them.
 */

import { TEXT } from "./0058-mysql-commit.ts";
import { MYSQL_NOTED_COMMITS } from "./0061-noted-commits.ts";
import type { TableSpec } from "./ddl.ts";

export const SLOTS: TableSpec = {
  name: "dl_slots",
  comment: "Rows that stand for what is locked. On Aurora MySQL behind the RDS Data API only; no part of the lake.",
  backup: "none",
  columns: [{ name: "slot", type: "int32", comment: "A name that is locked has one of them, by its hash." }],
  primaryKey: ["slot"],
  isOn: ({ locks }) => locks === "rows",
};

const DIGIT = "json_table('[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15]', '$[*]' columns (n int path '$'))";

/** 65,536 of them. */
export const FILL_SLOTS = `insert ignore into dl_slots (slot)
select a.n * 4096 + b.n * 256 + c.n * 16 + d.n from ${DIGIT} a join ${DIGIT} b join ${DIGIT} c join ${DIGIT} d`;

const locked = (document: string, path: string, how: string): string => `set slot_ = null;
      select slot into slot_ from dl_slots force index (primary)
      where slot = cast(json_extract(${document}, ${path}) as signed) for update${how};`;

/** All locks of the group, or those that are free at once; whose are not is in `busy_`. */
const LOCKS = `  set answers = '', i = 0, k = 0;
  set session innodb_lock_wait_timeout = lock_seconds;
  if waits then
    while k < n_locks do
      ${locked("req", "concat('$.of.locks[', k, ']')", "")}
      if slot_ is null then
        signal sqlstate '45000' set mysql_errno = 1205, message_text = 'the table dl_slots lacks rows';
      end if;
      set k = k + 1;
    end while;
  else
    while i < n_requests do
      set n_locks = json_length(req, concat('$.requests[', i, '].of.locks')), k = 0;
      while k < n_locks do
        ${locked("req", "concat('$.requests[', i, '].of.locks[', k, ']')", " skip locked")}
        if slot_ is null then
          set busy_ = concat(busy_, i, ','), k = n_locks;
        end if;
        set k = k + 1;
      end while;
      set i = i + 1;
    end while;
    set i = 0;
  end if;
`;

/** A frozen text with another part. @throws Error where it does not have both marks once */
function replaced(text: string, from: string, upTo: string, part: string): string {
  const start = text.indexOf(from);
  const end = text.indexOf(upTo, start);
  if (start < 0 || end < 0 || text.includes(from, start + 1)) throw new Error(`not there once: ${from}`);
  return text.slice(0, start) + part + text.slice(end);
}

const [, , NOTE_EFFECT = "", PROCEDURE = ""] = MYSQL_NOTED_COMMITS;

const FUNCTION = (
  [
    [
      "\ncreate procedure dl_try_commit_2(",
      "\nmodifies",
      `\ncreate function dl_try_commit_by_slots(request ${TEXT}) returns ${TEXT}`,
    ],
    [
      "  declare exit handler for sqlexception begin",
      "  set transaction isolation",
      "  declare slot_ int;\n  declare busy_ longtext default ',';\n",
    ],
    ["  set transaction isolation", "  select j.", ""],
    ["  set answers = '', i = 0, k = 0;", "  set present = ", LOCKS],
    [
      "        set k = 0, is_free = 1;",
      "        if not is_free then",
      "        set is_free = locate(concat(',', i, ','), busy_) = 0;\n",
    ],
    ["  commit;\n", "end", "  return concat('[', substr(answers, 2), ']');\n"],
  ] as const
).reduce((text, [from, upTo, part]) => replaced(text, from, upTo, part), PROCEDURE);

export const MYSQL_COMMIT_BY_SLOTS: readonly string[] = [
  "drop procedure if exists dl_note_effect",
  "drop function if exists dl_try_commit_by_slots",
  NOTE_EFFECT,
  FUNCTION,
];

/** Who locks names of a session, as a client with a connection does, does not see who locks rows: checkSchema looks at this. */
export const BY_ROWS = "0064-mysql-slots, by rows";
