/** What all cases share: the engines, the service, a folder, and the grid. Filled before the first test. */

import type { Engines } from "./engines.ts";
import { Grid } from "./grid.ts";
import type { Service } from "./service.ts";

export class Lab {
  readonly grid = new Grid();
  engines = undefined as unknown as Engines;
  service = undefined as unknown as Service;
  /** A temporary folder. */
  folder = "";
}
