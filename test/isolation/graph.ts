/** Dependencies between transactions, and the cycles in them, named as Adya does: G0, G1c, G-single, G2. */

/** ww: overwrites; wr: reads from; rw: would have to come first, for it did not see the other's write. */
export type Dependency = "ww" | "wr" | "rw";

export class DependencyGraph {
  readonly #edges = new Map<string, Map<string, Set<Dependency>>>();

  add(from: string, to: string, kind: Dependency): void {
    if (from === to) return;
    const targets = this.#edges.get(from) ?? new Map<string, Set<Dependency>>();
    this.#edges.set(from, targets);
    targets.set(to, (targets.get(to) ?? new Set()).add(kind));
  }

  get size(): number {
    return [...this.#edges.values()].reduce((sum, targets) => sum + targets.size, 0);
  }

  /** One sentence per group of transactions that have no serial order, by the worst cycle in it. */
  cycles(): string[] {
    return components(this.#edges).map((members) => {
      const inside = new Set(members);
      for (const [name, kinds, rw] of CLASSES) {
        const cycle = this.#cycle(inside, kinds, rw);
        if (cycle) return `${name}: ${cycle.join(" → ")}`;
      }
      return `G2: ${members.join(", ")}`;
    });
  }

  /** A shortest cycle over edges of these kinds, with at most `rw` anti-dependencies. */
  #cycle(inside: ReadonlySet<string>, kinds: readonly Dependency[], rw: number): string[] | undefined {
    for (const start of inside) {
      const queue: { readonly path: string[]; readonly rw: number }[] = [{ path: [start], rw: 0 }];
      const seen = new Set<string>();
      for (let step = queue.shift(); step; step = queue.shift()) {
        for (const [to, edge] of this.#edges.get(step.path.at(-1) ?? "") ?? []) {
          const known = kinds.some((kind) => edge.has(kind));
          const cost = step.rw + (known ? 0 : 1);
          if (!inside.has(to) || cost > rw || (!known && !edge.has("rw"))) continue;
          if (to === start) return [...step.path, start];
          if (seen.has(`${cost} ${to}`)) continue;
          seen.add(`${cost} ${to}`);
          queue.push({ path: [...step.path, to], rw: cost });
        }
      }
    }
    return undefined;
  }
}

const CLASSES = [
  ["G0", ["ww"], 0],
  ["G1c", ["ww", "wr"], 0],
  ["G-single", ["ww", "wr"], 1],
  ["G2", ["ww", "wr"], Number.POSITIVE_INFINITY],
] as const;

/** Strongly connected components of more than one member (Tarjan, without recursion). */
function components(edges: ReadonlyMap<string, ReadonlyMap<string, unknown>>): string[][] {
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const open = new Set<string>();
  const stack: string[] = [];
  const found: string[][] = [];
  const lower = (node: string, value: number) => low.set(node, Math.min(low.get(node) ?? value, value));
  const enter = (node: string) => {
    index.set(node, index.size);
    low.set(node, index.get(node) ?? 0);
    open.add(node);
    stack.push(node);
    return { node, targets: [...(edges.get(node)?.keys() ?? [])] };
  };
  const leave = (node: string) => {
    if (low.get(node) !== index.get(node)) return;
    const members = stack.splice(stack.lastIndexOf(node));
    for (const member of members) open.delete(member);
    if (members.length > 1) found.push(members);
  };
  for (const root of edges.keys()) {
    if (index.has(root)) continue;
    const path = [enter(root)];
    for (let top = path.at(-1); top; top = path.at(-1)) {
      const to = top.targets.pop();
      if (to === undefined) {
        path.pop();
        leave(top.node);
        const parent = path.at(-1);
        if (parent) lower(parent.node, low.get(top.node) ?? 0);
      } else if (!index.has(to)) path.push(enter(to));
      else if (open.has(to)) lower(top.node, index.get(to) ?? 0);
    }
  }
  return found;
}
