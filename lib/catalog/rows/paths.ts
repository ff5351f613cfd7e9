/** Paths as texts in dl_files. */

/** An absolute path, as an expression of SQL; a relative one with a colon at the end of a folder is taken for one, too. */
export const OUTSIDE_PATH = "path like '/%' or path like '%:/%'";
