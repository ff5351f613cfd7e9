package io.deltalakedb.logstore;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpRequest;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/** AWS Signature Version 4 for API Gateway, by the JDK alone. */
final class RequestSigner {
  private static final String SERVICE = "execute-api";
  private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("yyyyMMdd'T'HHmmss'Z'").withZone(ZoneOffset.UTC);

  private final String region;
  private final String accessKey;
  private final String secretKey;
  private final String sessionToken;

  /**
   * Credentials are those of S3A's settings, else of the environment, else what AWS's SDK finds where it is on the class path (hadoop-aws brings
   * it along).
   */
  RequestSigner(CatalogSettings settings, String region) throws IOException {
    this.region = region;
    String access = settings.get("fs.s3a.access.key");
    String secret = settings.get("fs.s3a.secret.key");
    String session = settings.get("fs.s3a.session.token");
    if (access == null || secret == null) {
      access = System.getenv("AWS_ACCESS_KEY_ID");
      secret = System.getenv("AWS_SECRET_ACCESS_KEY");
      session = System.getenv("AWS_SESSION_TOKEN");
    }
    if (access == null || secret == null) {
      String[] found = fromSdk();
      access = found[0];
      secret = found[1];
      session = found[2];
    }
    this.accessKey = access;
    this.secretKey = secret;
    this.sessionToken = session;
  }

  private static String[] fromSdk() throws IOException {
    try {
      Class<?> provider = Class.forName("software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider");
      Object made = provider.getMethod("create").invoke(null);
      Object found = provider.getMethod("resolveCredentials").invoke(made);
      Class<?> plain = Class.forName("software.amazon.awssdk.auth.credentials.AwsCredentials");
      Class<?> temporary = Class.forName("software.amazon.awssdk.auth.credentials.AwsSessionCredentials");
      Object session = temporary.isInstance(found) ? temporary.getMethod("sessionToken").invoke(found) : null;
      Object access = plain.getMethod("accessKeyId").invoke(found);
      Object secret = plain.getMethod("secretAccessKey").invoke(found);
      return new String[] {(String) access, (String) secret, (String) session};
    } catch (ReflectiveOperationException | LinkageError missing) {
      throw new IOException(
          "requests are to be signed (deltalakedb.signing.region), and there are no credentials: neither in fs.s3a.access.key, nor in "
              + "AWS_ACCESS_KEY_ID, nor by AWS's SDK",
          missing);
    }
  }

  void sign(HttpRequest.Builder request, String method, URI uri, byte[] body) throws IOException {
    String time = TIME.format(Instant.now());
    String day = time.substring(0, 8);
    String host = uri.getPort() < 0 ? uri.getHost() : uri.getHost() + ":" + uri.getPort();
    String token = sessionToken == null ? "" : "x-amz-security-token:" + sessionToken + "\n";
    String names = "content-type;host;x-amz-date" + (sessionToken == null ? "" : ";x-amz-security-token");
    // One parameter at most, so there is nothing to sort.
    String query = uri.getRawQuery() == null ? "" : uri.getRawQuery().replace("+", "%20");
    String headers = "content-type:application/json\nhost:" + host + "\nx-amz-date:" + time + "\n" + token;
    String scope = day + "/" + region + "/" + SERVICE + "/aws4_request";
    try {
      String canonical = String.join("\n", method, uri.getRawPath(), query, headers, names, hex(sha(body)));
      String toSign = String.join("\n", "AWS4-HMAC-SHA256", time, scope, hex(sha(canonical.getBytes(StandardCharsets.UTF_8))));
      byte[] key = hmac(("AWS4" + secretKey).getBytes(StandardCharsets.UTF_8), day);
      for (String part : new String[] {region, SERVICE, "aws4_request"}) key = hmac(key, part);
      request.header("x-amz-date", time);
      if (sessionToken != null) request.header("x-amz-security-token", sessionToken);
      request.header(
          "authorization",
          "AWS4-HMAC-SHA256 Credential=" + accessKey + "/" + scope + ", SignedHeaders=" + names + ", Signature=" + hex(hmac(key, toSign)));
    } catch (GeneralSecurityException impossible) {
      throw new IOException("the request cannot be signed", impossible);
    }
  }

  private static byte[] sha(byte[] bytes) throws GeneralSecurityException {
    return MessageDigest.getInstance("SHA-256").digest(bytes);
  }

  private static byte[] hmac(byte[] key, String text) throws GeneralSecurityException {
    Mac mac = Mac.getInstance("HmacSHA256");
    mac.init(new SecretKeySpec(key, "HmacSHA256"));
    return mac.doFinal(text.getBytes(StandardCharsets.UTF_8));
  }

  private static String hex(byte[] bytes) {
    StringBuilder text = new StringBuilder();
    for (byte one : bytes) text.append(String.format("%02x", one));
    return text.toString();
  }
}
