package io.deltalakedb.logstore;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;

/** The few requests of the API that commits need. What nobody knows the outcome of is sent again, as it is. */
final class CatalogClient {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final HttpClient HTTP = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(10)).build();
  private static final Duration ANSWER = Duration.ofSeconds(60);
  private static final long FIRST_PAUSE_MS = 100;
  private static final long LONGEST_PAUSE_MS = 5_000;

  private final CatalogSettings settings;

  private CatalogClient(CatalogSettings settings) {
    this.settings = settings;
  }

  static CatalogClient of(CatalogSettings settings) {
    return new CatalogClient(settings);
  }

  /** What the API has answered to a commit. */
  static final class Outcome {
    private final int status;
    private final JsonNode answer;
    /** Of the table that was committed to; null where nothing was. */
    final String tableId;

    Outcome(int status, JsonNode answer) {
      this.status = status;
      this.answer = answer;
      JsonNode table = answer.path("tables").path(0).path("tableId");
      this.tableId = status < 300 && table.isTextual() ? table.asText() : null;
    }

    boolean isCommitted() {
      return status < 300;
    }

    boolean isTaken() {
      return status == 409 && code().equals("VERSION_TAKEN");
    }

    /** Somebody has made a table of this name or at this place: perhaps the one that was to be made. */
    boolean isMadeAlready() {
      return status == 409 && (code().equals("TABLE_EXISTS") || code().equals("LOCATION_TAKEN"));
    }

    boolean isUnknownTable() {
      return status == 404 && code().equals("TABLE_NOT_FOUND");
    }

    private String code() {
      return answer.path("code").asText("");
    }

    /** For people: what, and what to do. */
    String text() {
      String hint = answer.path("hint").asText("");
      return answer.path("detail").asText("the API answered " + status) + " (" + code() + ")" + (hint.isEmpty() ? "" : ". " + hint);
    }
  }

  /** @return its id, or null where no table lives there */
  String tableAt(String location) throws IOException {
    Outcome outcome = send("/v1/tables?location=" + URLEncoder.encode(location, StandardCharsets.UTF_8), null);
    if (!outcome.isCommitted()) throw new IOException("the catalog cannot be asked for " + location + ": " + outcome.text());
    return outcome.tableId;
  }

  Outcome commit(String body) throws IOException {
    return send("/v1/commits", body);
  }

  private Outcome send(String path, String body) throws IOException {
    long until = System.nanoTime() + settings.retryMs() * 1_000_000;
    String api = settings.api();
    for (long pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
      String failure;
      try {
        HttpResponse<byte[]> response = HTTP.send(request(URI.create(api + path), body), HttpResponse.BodyHandlers.ofByteArray());
        int status = response.statusCode();
        JsonNode answer = read(response.body());
        if (answer != null && status < 500 && status != 429) return new Outcome(status, answer);
        failure = answer == null ? status + " without JSON" : new Outcome(status, answer).text();
      } catch (IOException unreachable) {
        failure = String.valueOf(unreachable);
      } catch (InterruptedException interrupted) {
        Thread.currentThread().interrupt();
        throw new IOException("interrupted while " + api + " was asked; nobody knows whether a commit under way was made", interrupted);
      }
      if (System.nanoTime() > until) throw new IOException(api + " does not answer (" + failure + "); whether a commit under way was made nobody knows");
      try {
        Thread.sleep(pause);
      } catch (InterruptedException interrupted) {
        Thread.currentThread().interrupt();
        throw new IOException("interrupted while " + api + " did not answer", interrupted);
      }
    }
  }

  private HttpRequest request(URI uri, String body) throws IOException {
    byte[] bytes = body == null ? new byte[0] : body.getBytes(StandardCharsets.UTF_8);
    HttpRequest.Builder builder = HttpRequest.newBuilder(uri).timeout(ANSWER).header("content-type", "application/json");
    if (body == null) builder.GET();
    else builder.POST(HttpRequest.BodyPublishers.ofByteArray(bytes));
    String region = settings.signingRegion();
    String token = settings.token();
    if (region != null) new RequestSigner(settings, region).sign(builder, body == null ? "GET" : "POST", uri, bytes);
    else if (token != null) builder.header("authorization", "Bearer " + token);
    return builder.build();
  }

  private static JsonNode read(byte[] bytes) {
    try {
      JsonNode node = JSON.readTree(bytes);
      return node != null && node.isObject() ? node : null;
    } catch (IOException noJson) {
      return null;
    }
  }
}
