/** An S3 server in a process of its own that throws away what is put, and answers `GET /bucket/…/BYTES` with as many zeros. Prints its URL. */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";

const ZEROS = Buffer.alloc(1 << 20);

function* zeros(bytes: number) {
  for (let left = bytes; left > 0; left -= ZEROS.length) yield left < ZEROS.length ? ZEROS.subarray(0, left) : ZEROS;
}

// A large upload may take longer than the five minutes that Node gives it.
const server = createServer({ requestTimeout: 0 }, (request, response) => {
  if (request.method === "GET") {
    const [, length = "0"] = /\/(\d+)(?:\?|$)/.exec(request.url ?? "") ?? [];
    response.writeHead(200, { "content-length": length, etag: '"zeros"' });
    Readable.from(zeros(Number(length)), { objectMode: false, highWaterMark: 1 << 20 }).pipe(response);
    return;
  }
  request.resume();
  request.on("end", () => response.writeHead(200, { "content-length": 0, etag: '"zeros"' }).end());
});
server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
