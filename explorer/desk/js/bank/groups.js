// The rows that the levels of a model are shown in: each level alone or, of dozens of levels,
// those of one resolution together (explorer/render/groups.py).

import { hueOf, nameOf } from "../words.js";

/** @import { Level, Row } from "../types.js" */

export const MANY_ROWS = 7; // above which names are too long to stand side by side

/**
 * Rows, top first; each level takes its row's hue.
 * @param {{ levels: Level[], groups: number[][] | null }} answer the levels top first
 * @returns {Row[]}
 */
export function rowsOf({ levels, groups }) {
  const rows = groups || levels.map((level) => [level.t]);
  return rows.map((subscripts, at) => {
    const hue = hueOf(rows.length - at);
    const own = levels.filter((level) => subscripts.includes(level.t))
      .map((level) => ({ ...level, hue }));
    const [top, low] = [own[0], own[own.length - 1]];
    const span = top === low ? nameOf(top.t) : `${nameOf(low.t)} … ${nameOf(top.t)}`;
    const name = groups ? resolutionOf(top) : span;
    const side = top.map && top.map[0] === top.map[1] ? String(top.map[0]) : name;
    const brief = groups && rows.length > MANY_ROWS ? side : name;
    return { t: low.t, levels: own, grouped: Boolean(groups), name, brief, span, hue };
  });
}

/** @param {Level} level */
function resolutionOf(level) {
  return level.map ? level.map.join("×") : "no places";
}
