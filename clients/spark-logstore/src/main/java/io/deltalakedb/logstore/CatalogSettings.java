package io.deltalakedb.logstore;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.apache.hadoop.conf.Configuration;

/** What the user has set, as {@code spark.hadoop.deltalakedb.…}. */
final class CatalogSettings {
  private static final String PREFIX = "deltalakedb.";
  private final Configuration conf;

  CatalogSettings(Configuration conf) {
    this.conf = conf;
  }

  /** Of the API, without a slash at its end. */
  String api() throws IOException {
    String api = conf.get(PREFIX + "api");
    if (api != null && !api.isEmpty()) return api.replaceAll("/+$", "");
    throw new IOException("set spark.hadoop.deltalakedb.api to the address of the catalog's API, such as https://catalog.example");
  }

  /** An API key, or a token of an identity provider; null where the API asks for none, or requests are signed. */
  String token() throws IOException {
    char[] token = conf.getPassword(PREFIX + "token");
    String fromEnvironment = System.getenv("DL_API_KEY");
    return token == null ? fromEnvironment : new String(token);
  }

  /** The region in which requests are signed for API Gateway (Signature Version 4); null where they are not. */
  String signingRegion() {
    return conf.get(PREFIX + "signing.region");
  }

  String get(String name) throws IOException {
    char[] value = conf.getPassword(name);
    return value == null ? null : new String(value);
  }

  /** How long a version that is committed is waited for in the log. */
  long publishWaitMs() {
    return conf.getLong(PREFIX + "publish.wait.ms", 60_000);
  }

  /** How long a request is sent again, while nobody knows whether it was carried out. */
  long retryMs() {
    return conf.getLong(PREFIX + "retry.ms", 120_000);
  }

  /**
   * The name of a table that is made at a place: as {@code deltalakedb.tables} says (location=namespace.name, separated by commas), else of bucket and
   * folders, each a part; on other file systems of the last two folders.
   */
  String nameOf(String location) {
    for (String entry : conf.getTrimmedStrings(PREFIX + "tables")) {
      int at = entry.lastIndexOf('=');
      if (at > 0 && entry.substring(0, at).replaceAll("/+$", "").equals(location)) return entry.substring(at + 1);
    }
    List<String> parts = new ArrayList<>();
    for (String part : location.substring(location.indexOf("://") + 3).split("/")) if (!part.isEmpty()) parts.add(part);
    boolean isBucket = location.startsWith("s3://");
    return String.join(".", isBucket ? parts : parts.subList(Math.max(0, parts.size() - 2), parts.size()));
  }
}
