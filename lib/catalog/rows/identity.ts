/** Where a catalog's identity stands: in the row of the migration that gave it. Migrations are read at every start, so asking costs no call. */
export const IDENTITY_MIGRATION = 10;
