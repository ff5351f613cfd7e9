/** Entry of the command line `dl`: everything else is loaded from here, with compiled code kept between runs. */

import { enableCompileCache } from "node:module";

// Before anything uses one: a folder that hangs keeps the threads of its calls, and others need some, too.
process.env.UV_THREADPOOL_SIZE ??= "64";

// Half of a short command's time goes into compiling its modules.
enableCompileCache();
const { run } = await import("./program.ts");

// A reader that has seen enough (`dl files | head`) is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(process.exitCode ?? 0);
});

await run(process.argv.slice(2));
