/** Colours of the page and of its plots, by day and by night. */

/** As the plots are drawn; at night the page has others in their place. */
export const COLORS = { ours: "#0b6e4f", peer: "#b3541e", floor: "#6b7280" } as const;
const AT_NIGHT = { ours: "#4fd1a5", peer: "#f0a067", floor: "#a1a8b3" } as const;
export const INK = "#222222";
export const GRID = "#dddddd";

const recoloured = (from: string, to: string) => `svg [fill="${from}"]{fill:${to}}svg [stroke="${from}"]{stroke:${to}}`;
const night = Object.entries(COLORS).map(([role, color]) => recoloured(color, AT_NIGHT[role as keyof typeof COLORS]));
const dots = (colors: Readonly<Record<string, string>>) =>
  Object.entries(colors).map(([role, color]) => `.${role}{background:${color}}`);

export const STYLE = `:root{--ink:${INK};--soft:#5c6470;--paper:#fff;--line:${GRID};--met:${COLORS.ours};--missed:#a61b1b;color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;max-width:68rem;margin:1.5rem auto;padding:0 1rem;color:var(--ink);background:var(--paper)}
h1{line-height:1.2}h2{margin-top:2.5rem;line-height:1.25}a{color:inherit}
.legend{display:flex;flex-wrap:wrap;gap:.3rem 1.4rem;font-weight:600}.legend i{display:inline-block;width:.8em;height:.8em;border-radius:50%;margin-right:.4em}
${dots(COLORS).join("")}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,22rem),1fr));gap:1.5rem 2rem}
figure{margin:0;min-width:0}figcaption{font-size:.9rem}svg{display:block;width:100%;max-width:32rem;height:auto}
.wide{overflow-x:auto}table{border-collapse:collapse;font-size:.9rem}td,th{border-bottom:1px solid var(--line);padding:.25rem .8rem .25rem 0;text-align:left;vertical-align:top}
.met{color:var(--met);white-space:nowrap}.missed{color:var(--missed);white-space:nowrap}
details{margin-top:1rem}.how{color:var(--soft);font-size:.85rem;overflow-wrap:anywhere}
@media(prefers-color-scheme:dark){:root{--ink:#e6e6e6;--soft:#a1a8b3;--paper:#16181c;--line:#3a3f47;--met:${AT_NIGHT.ours};--missed:#ff8f8f}
${night.join("")}${recoloured(INK, "#e6e6e6")}${recoloured(GRID, "#3a3f47")}
${dots(AT_NIGHT).join("")}}`;
