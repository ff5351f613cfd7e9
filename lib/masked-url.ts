/** URLs of databases as they may be seen. */

/** A database URL without its password, to show and to log. */
export function maskedUrl(url: string): string {
  return url.replace(/^([a-z][a-z0-9+.-]*:\/\/[^:@/]*):[^@/]*@/i, "$1:***@");
}
