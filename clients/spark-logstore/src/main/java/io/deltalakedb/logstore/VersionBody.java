package io.deltalakedb.logstore;

import com.fasterxml.jackson.core.io.JsonStringEncoder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Iterator;

/** The bytes of a version as a request of {@code POST /v1/commits}: the actions go out as Delta has written them, digit by digit. */
final class VersionBody {
  /** What the API asks writers to honour (its WRITER_DUTIES): Delta refuses tables with features that it does not honour before it gets here. */
  private static final String[] WRITER_DUTIES = {
    "invariants",
    "checkConstraints",
    "changeDataFeed",
    "generatedColumns",
    "allowColumnDefaults",
    "identityColumns",
    "columnMapping",
    "typeWidening",
    "typeWidening-preview",
    "variantType",
    "variantType-preview",
    "variantShredding",
    "variantShredding-preview",
    "clustering",
    "icebergCompatV1",
    "icebergCompatV2",
    "materializePartitionColumns",
  };
  private static final String DUTIES = "[\"" + String.join("\",\"", WRITER_DUTIES) + "\"]";

  private final String location;
  private final long version;
  private final StringBuilder actions = new StringBuilder();

  VersionBody(String location, long version, Iterator<String> lines) {
    this.location = location;
    this.version = version;
    while (lines.hasNext()) {
      String line = lines.next();
      if (line.isBlank()) continue;
      if (actions.length() > 0) actions.append(',');
      actions.append(line);
    }
  }

  String in(String tableId) {
    return body("\"tableId\":" + quoted(tableId));
  }

  String creating(String name) {
    return body("\"table\":" + quoted(name) + ",\"location\":" + quoted(location));
  }

  /** The id follows from what is asked: sent again, also by another call with the same bytes, it gets the first answer. */
  private String body(String table) {
    return "{\"transactionId\":\"" + id(table) + "\",\"allowUnknownActions\":true,\"acknowledge\":\"mirrored\",\"tables\":[{" + table
        + ",\"expectedVersion\":" + version + ",\"supportedFeatures\":{\"writer\":" + DUTIES + "},\"actions\":[" + actions + "]}]}";
  }

  /** A UUID of version 8: custom (RFC 9562). */
  private String id(String table) {
    try {
      MessageDigest sha = MessageDigest.getInstance("SHA-256");
      sha.update((table + "\n" + version + "\n").getBytes(StandardCharsets.UTF_8));
      byte[] hash = sha.digest(actions.toString().getBytes(StandardCharsets.UTF_8));
      hash[6] = (byte) ((hash[6] & 0x0f) | 0x80);
      hash[8] = (byte) ((hash[8] & 0x3f) | 0x80);
      StringBuilder text = new StringBuilder();
      for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) text.append('-');
        text.append(String.format("%02x", hash[i]));
      }
      return text.toString();
    } catch (NoSuchAlgorithmException impossible) {
      throw new IllegalStateException(impossible);
    }
  }

  static String quoted(String text) {
    return '"' + new String(JsonStringEncoder.getInstance().quoteAsString(text)) + '"';
  }
}
