package io.deltalakedb.reader;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.delta.kernel.Scan;
import io.delta.kernel.Snapshot;
import io.delta.kernel.TableManager;
import io.delta.kernel.data.ColumnarBatch;
import io.delta.kernel.data.FilteredColumnarBatch;
import io.delta.kernel.data.Row;
import io.delta.kernel.defaults.engine.DefaultEngine;
import io.delta.kernel.engine.Engine;
import io.delta.kernel.internal.InternalScanFileUtils;
import io.delta.kernel.internal.data.ScanStateRow;
import io.delta.kernel.types.DataType;
import io.delta.kernel.types.IntegerType;
import io.delta.kernel.types.LongType;
import io.delta.kernel.types.StructType;
import io.delta.kernel.utils.CloseableIterator;
import io.delta.kernel.utils.FileStatus;
import io.unitycatalog.client.ApiClient;
import io.unitycatalog.client.ApiClientBuilder;
import io.unitycatalog.client.ApiException;
import io.unitycatalog.client.api.SchemasApi;
import io.unitycatalog.client.api.TablesApi;
import io.unitycatalog.client.api.TemporaryCredentialsApi;
import io.unitycatalog.client.auth.TokenProvider;
import io.unitycatalog.client.delta.api.DeltaTablesApi;
import io.unitycatalog.client.model.GenerateTemporaryTableCredential;
import io.unitycatalog.client.model.SchemaInfo;
import io.unitycatalog.client.model.TableInfo;
import io.unitycatalog.client.model.TableOperation;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.hadoop.conf.Configuration;

/**
 * Finds a table by its name in Unity Catalog's API and reads it at the place that this says, with the credentials that it lends.
 * Prints one line of JSON. Arguments: the address of the server, its token, the schema and the table.
 */
public final class KernelReader {
  private static final String CATALOG = "lake";

  public static void main(String[] args) throws Exception {
    String schema = args[2];
    String name = args[3];
    ApiClient client =
        ApiClientBuilder.create()
            .uri(args[0])
            .tokenProvider(TokenProvider.create(Map.of("type", "static", "token", args[1])))
            .build();
    Map<String, Object> said = new LinkedHashMap<>();
    said.put("schemas", new SchemasApi(client).listSchemas(CATALOG, null, null).getSchemas().stream().map(SchemaInfo::getName).toList());
    TablesApi tables = new TablesApi(client);
    said.put("tables", tables.listTables(CATALOG, schema, null, null).getTables().stream().map(TableInfo::getName).toList());
    TableInfo found = tables.getTable(String.join(".", CATALOG, schema, name), null, null);
    said.put("type", found.getTableType() + " " + found.getDataSourceFormat());
    said.put("columns", found.getColumns().stream().map(column -> List.of(column.getName(), column.getTypeText())).toList());
    said.put("byDeltaApi", new DeltaTablesApi(client).loadTable(CATALOG, schema, name).getMetadata().getLocation().equals(found.getStorageLocation()));
    Configuration hadoop = new Configuration();
    said.put("credentials", borrow(client, found, hadoop));
    String place = found.getStorageLocation().replaceFirst("^s3:", "s3a:");
    Engine engine = DefaultEngine.create(hadoop);
    Snapshot snapshot = TableManager.loadSnapshot(place).build(engine);
    said.put("version", snapshot.getVersion());
    said.put("rows", rowsOf(engine, snapshot));
    System.out.println(new ObjectMapper().writeValueAsString(said));
  }

  /** What is lent goes into the settings of S3A; of a table in a folder nothing is, as nothing is needed. */
  private static String borrow(ApiClient client, TableInfo table, Configuration hadoop) throws ApiException {
    GenerateTemporaryTableCredential wanted =
        new GenerateTemporaryTableCredential().tableId(table.getTableId()).operation(TableOperation.READ);
    var lent = new TemporaryCredentialsApi(client).generateTemporaryTableCredentials(wanted).getAwsTempCredentials();
    if (lent == null) return "none";
    hadoop.set("fs.s3a.access.key", lent.getAccessKeyId());
    hadoop.set("fs.s3a.secret.key", lent.getSecretAccessKey());
    hadoop.set("fs.s3a.session.token", lent.getSessionToken());
    return "lent";
  }

  private static List<List<Object>> rowsOf(Engine engine, Snapshot snapshot) throws IOException {
    Scan scan = snapshot.getScanBuilder().build();
    Row state = scan.getScanState(engine);
    StructType physical = ScanStateRow.getPhysicalDataReadSchema(state);
    List<List<Object>> rows = new ArrayList<>();
    try (CloseableIterator<FilteredColumnarBatch> files = scan.getScanFiles(engine)) {
      while (files.hasNext()) {
        try (CloseableIterator<Row> each = files.next().getRows()) {
          while (each.hasNext()) addRows(engine, state, physical, each.next(), rows);
        }
      }
    }
    return rows;
  }

  private static void addRows(Engine engine, Row state, StructType physical, Row file, List<List<Object>> rows)
      throws IOException {
    FileStatus status = InternalScanFileUtils.getAddFileStatus(file);
    CloseableIterator<ColumnarBatch> data =
        engine
            .getParquetHandler()
            .readParquetFiles(one(status), physical, Optional.empty())
            .map(read -> read.getData());
    try (CloseableIterator<FilteredColumnarBatch> logical = Scan.transformPhysicalData(engine, state, file, data)) {
      while (logical.hasNext()) {
        try (CloseableIterator<Row> each = logical.next().getRows()) {
          while (each.hasNext()) rows.add(values(each.next()));
        }
      }
    }
  }

  /** Numbers as texts, so that JSON loses no digit. */
  private static List<Object> values(Row row) {
    List<Object> values = new ArrayList<>();
    for (int i = 0; i < row.getSchema().length(); i++) {
      DataType type = row.getSchema().at(i).getDataType();
      if (row.isNullAt(i)) values.add(null);
      else if (type instanceof LongType) values.add(String.valueOf(row.getLong(i)));
      else if (type instanceof IntegerType) values.add(String.valueOf(row.getInt(i)));
      else values.add(row.getString(i));
    }
    return values;
  }

  private static CloseableIterator<FileStatus> one(FileStatus status) {
    return io.delta.kernel.internal.util.Utils.singletonCloseableIterator(status);
  }
}
