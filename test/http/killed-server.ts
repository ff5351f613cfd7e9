/**
 * A server with an audit trail, of which the process ends by SIGKILL before the nth statement that one commit over HTTP sends to SQLite; between
 * two of them nothing changes that others could see. Prints how many there were where it is not killed before, and is killed then.
 * Arguments: database, folder, id of the table, transactionId, n.
 */

import { DatabaseSync, StatementSync } from "node:sqlite";
import { openAuditTrail } from "../../lib/access/audit.ts";
import { openLocalLake } from "../../lib/lake/local.ts";
import { tableLocation } from "../../lib/lake/table-location.ts";
import { addOf } from "./local-api.ts";
import { client } from "./stub-lake.ts";

const [database = "", folder = "", tableId = "", transactionId = "", last = ""] = process.argv.slice(2);
let [isCounting, calls] = [false, 0];

const end = (): void => {
  process.kill(process.pid, "SIGKILL");
};
type Method = (...args: unknown[]) => unknown;
function counted(methods: Record<string, Method>, name: string): void {
  const call = methods[name] as Method;
  methods[name] = function (this: unknown, ...args) {
    if (isCounting) {
      calls += 1;
      if (calls === Number(last)) end();
    }
    return call.apply(this, args);
  };
}
for (const name of ["run", "all", "get", "iterate"]) counted(StatementSync.prototype as never, name);
counted(DatabaseSync.prototype as never, "exec");

const lake = await openLocalLake({ database, verifyFiles: "off" });
const onError = () => undefined;
const audit = openAuditTrail(lake.catalog, { shard: crypto.randomUUID(), now: Date.now, onError });
const caller = { id: "user:etl", name: "etl", proof: "key", access: "write", groups: [] } as const;
const served = client(lake, {
  audit,
  door: { unnamed: "refused", identify: async () => caller },
  resolveLocation: (location, name) => tableLocation({ storage: folder }, location, name),
});
await served.get(`/v1/tables/${tableId}`);
isCounting = true;
const tables = [{ tableId, readVersion: 0, actions: [addOf(`${transactionId}.parquet`)] }];
const answer = await served.post("/v1/commits", { transactionId, tables });
isCounting = false;
process.stdout.write(`${answer.status} ${calls}\n`, end);
