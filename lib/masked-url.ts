/** URLs of databases and services as they may be seen. */

/** Names of settings that hold a secret, however they are spelled: `password`, `sslpassword`, `X-Amz-Signature`, `access_token`. */
const SECRET_NAME =
  /pass|pwd|token|signature|credential|(?:access|secret|api|account|private|encryption)[-_.]?key|^(?:sig|secret)$/i;
/** The name of a secret is none. */
const NAME_OF_SECRET = /^arn:/i;
const MASK = "***";

/**
 * A URL, or a list of settings as libpq takes it (`host=… password=…`), without its secrets: to show, to log, to put into a
 * message. A password may hold any letters, `@`, `/` and `?` among them: where it ends is doubtful, more is masked, never less.
 */
export function maskedUrl(url: string): string {
  // A file may have any name: what follows `sqlite:` is no login.
  const [, start = "", rest = url] = /^((?!sqlite:)[a-z][a-z0-9+.-]+:(?:\/\/)?)([\s\S]*)$/i.exec(url) ?? [];
  return start + maskedSettings(start === "" ? rest : maskedLogin(rest));
}

/** What stands between the first colon and the last `@` is the password. */
function maskedLogin(text: string): string {
  const end = text.lastIndexOf("@");
  const colon = text.indexOf(":");
  return colon < 0 || end < colon ? text : `${text.slice(0, colon)}:${MASK}${text.slice(end)}`;
}

/** `name=value` after `?`, `&`, `;` or white space; a value of libpq may stand in quotes. */
function maskedSettings(text: string): string {
  return text.replaceAll(
    /(^|[?&;#\s])([^=?&;#\s]+)(\s*=\s*)('(?:\\[\s\S]|[^'\\])*'?|[^&;#\s]*)/g,
    (whole, before: string, name: string, equals: string, value: string) =>
      SECRET_NAME.test(decoded(name)) && !NAME_OF_SECRET.test(value) ? `${before}${name}${equals}${MASK}` : whole,
  );
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
