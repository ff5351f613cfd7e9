/**
 * What MySQL 8 and MariaDB call differently. Each reads comments of its own as SQL and skips those of the other, so that one
 * text serves both: MySQL reads from its version 8.0.17 on what stands in the first, MariaDB what stands in the second.
 */

export const onEither = (mysql: string, mariadb: string): string => `/*!80017 ${mysql} */ /*M!100500 ${mariadb} */`;

/** Texts are compared and ordered by their bytes, and spaces at their end count, as in every other engine. */
export const BYTEWISE = onEither("collate utf8mb4_0900_bin", "collate utf8mb4_nopad_bin");

/** Variables of the server by name. */
export const GLOBAL_STATUS = onEither("performance_schema.global_status", "information_schema.global_status");
