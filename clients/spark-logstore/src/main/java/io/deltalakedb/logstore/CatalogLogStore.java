package io.deltalakedb.logstore;

import io.delta.storage.HadoopFileSystemLogStore;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.util.Arrays;
import java.util.Iterator;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Pattern;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;

/**
 * Lets Spark commit to tables of a deltalakedb catalog: each {@code _delta_log/<version>.json} becomes a strict commit of its API, and is written
 * into the log by the catalog's mirror alone. All that Spark reads, and all data files, go straight to the file system.
 *
 * <p>Other files of the log that Delta writes by its LogStore ({@code _last_checkpoint}) are taken and dropped: the mirror writes
 * its own, and readers believe it without proof. Checkpoints and checksums do not come this way. Files outside the log, such as manifests of symlinks, are written as they are.
 */
public class CatalogLogStore extends HadoopFileSystemLogStore {
  private static final Pattern VERSION = Pattern.compile("\\d{20}\\.json");
  private static final String LOG = "_delta_log";
  /** Ids of tables by their places: a hint, which a commit finds out when it is wrong. */
  private static final Map<String, String> KNOWN = new ConcurrentHashMap<>();
  /** Between two looks whether a version is in the log. */
  private static final int LOOK_MS = 20;

  public CatalogLogStore(Configuration initHadoopConf) {
    super(initHadoopConf);
  }

  @Override
  public void write(Path path, Iterator<String> actions, Boolean overwrite, Configuration conf) throws IOException {
    if (VERSION.matcher(path.getName()).matches() && isInLog(path)) commit(path, actions, conf);
    else if (!isBelowLog(path)) writeFile(path, actions, overwrite, conf);
  }

  /** So that Spark puts a checkpoint under its name when it is whole. */
  @Override
  public Boolean isPartialWriteVisible(Path path, Configuration conf) {
    return true;
  }

  private void commit(Path path, Iterator<String> actions, Configuration conf) throws IOException {
    CatalogSettings settings = new CatalogSettings(conf);
    CatalogClient client = CatalogClient.of(settings);
    FileSystem fs = path.getFileSystem(conf);
    Path root = fs.makeQualified(path.getParent().getParent());
    String location = locationOf(root.toUri());
    long version = Long.parseLong(path.getName().substring(0, 20));
    VersionBody body = new VersionBody(location, version, actions);
    String known = KNOWN.get(location);
    CatalogClient.Outcome outcome;
    if (version == 0) {
      outcome = client.commit(body.creating(settings.nameOf(location)));
    } else if (known == null) {
      outcome = client.commit(body.in(idOf(client, location)));
    } else {
      outcome = client.commit(body.in(known));
      // Dropped, and perhaps taken in again under another id.
      if (outcome.isUnknownTable()) outcome = client.commit(body.in(idOf(client, location)));
    }
    if (outcome.tableId != null) KNOWN.put(location, outcome.tableId);
    boolean isTaken = outcome.isTaken() || (outcome.isMadeAlready() && client.tableAt(location) != null);
    // Whoever committed: what comes next is read from the log.
    if (outcome.isCommitted() || isTaken) awaitVersion(fs, path, settings.publishWaitMs());
    if (isTaken) throw new FileAlreadyExistsException(path.toString(), null, outcome.text());
    if (!outcome.isCommitted()) throw new IOException("version " + version + " of " + location + " was refused: " + outcome.text());
  }

  private static String idOf(CatalogClient client, String location) throws IOException {
    String id = client.tableAt(location);
    if (id != null) return id;
    throw new IOException(
        "no table of the catalog lives at " + location + ": take it in first (`dl import " + location + " --name <namespace.name>`)");
  }

  /** The commit is final, whether or not its file comes in time: then whoever looks next sees it later. */
  private static void awaitVersion(FileSystem fs, Path path, long withinMs) throws IOException {
    long until = System.nanoTime() + withinMs * 1_000_000;
    while (!fs.exists(path)) {
      if (System.nanoTime() > until) {
        System.err.println("deltalakedb: " + path + " is committed, and not published after " + withinMs + " ms");
        return;
      }
      try {
        Thread.sleep(LOOK_MS);
      } catch (InterruptedException interrupted) {
        Thread.currentThread().interrupt();
        return;
      }
    }
  }

  private static void writeFile(Path path, Iterator<String> lines, boolean overwrite, Configuration conf) throws IOException {
    FileSystem fs = path.getFileSystem(conf);
    if (!overwrite && fs.exists(path)) throw new FileAlreadyExistsException(path.toString());
    try (FSDataOutputStream out = fs.create(path, overwrite)) {
      while (lines.hasNext()) out.write((lines.next() + "\n").getBytes(StandardCharsets.UTF_8));
    }
  }

  private static boolean isInLog(Path path) {
    return path.getParent() != null && path.getParent().getName().equals(LOG);
  }

  private static boolean isBelowLog(Path path) {
    for (Path at = path.getParent(); at != null; at = at.getParent()) if (at.getName().equals(LOG)) return true;
    return false;
  }

  /** As the catalog spells places: {@code s3://bucket/prefix} or {@code file:///folder}. */
  static String locationOf(URI root) {
    String path = root.getRawPath().replaceAll("/+$", "");
    if (Arrays.asList("s3", "s3a", "s3n").contains(root.getScheme())) return "s3://" + root.getHost() + root.getPath().replaceAll("/+$", "");
    return "file".equals(root.getScheme()) ? "file://" + path : root.toString();
  }
}
