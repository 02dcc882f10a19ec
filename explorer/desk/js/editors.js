// What changes the recipe by hand: the sliders, the pad on the picture, the regions painted.

import { makeBank } from "./bank/bank.js";
import { makePad } from "./picture/pad.js";
import { makeRegions } from "./picture/regionbar.js";
import { withEdit, withPolicies, withoutLevels } from "./recipe/edits.js";

/** @import { Desk } from "./desk.js" */
/** @import { AxisId, Recipe } from "./types.js" */

/** @param {Desk} desk */
export function makeEditors(desk) {
  const { root, state, transport, messages } = desk;
  const release = () => desk.release();
  const recipe = () => state.here().recipe;

  const regions = makeRegions(root, {
    place: () => (state.isOpen() ? state.here() : null),
    change: (next, key) => desk.change(next.recipe, { key, brush: next.brush }),
    choose(brush) {
      state.adopt({ ...state.here(), brush });
      desk.sync();
    },
    release,
    isSpatial: (level) => desk.answer().levels.some((one) => one.t === level && one.map),
    moded: () => pad.describe(),
    say: messages.say,
  });

  /** @param {number} level */
  function where(level) {
    const { active } = state.here().brush;
    return { region: regions.of(level), name: active < 0 ? null : `Region ${active + 1}` };
  }

  /**
   * @param {Recipe} before
   * @param {AxisId & { sigma: number }} move
   */
  function moved(before, move) {
    return withEdit(before, { ...move, region: regions.of(move.level) });
  }

  const bank = makeBank(root, {
    where,
    slide(move, merge) {
      desk.startHere.touched();
      const key = `${move.level}:${move.kind}:${move.index}`;
      desk.change(moved(recipe(), move), { key, merge });
    },
    policy(levels, next, key) {
      desk.change(withPolicies(recipe(), levels, next), { key, merge: Boolean(key) });
    },
    temperature(value) {
      desk.change({ ...recipe(), temperature: value }, { key: "temperature", merge: true });
    },
    local: async (level) => (await transport.call("local", { recipe: recipe(), level })).axes,
    release,
    reset: (levels) => desk.step(withoutLevels(recipe(), levels)),
    shown() {
      pad.offer(bank.shown());
      pad.sync(recipe());
    },
  });

  const pad = makePad(root, {
    move(moves, key, merge) {
      desk.startHere.touched();
      desk.change(moves.reduce(moved, recipe()), { key, merge });
    },
    release,
    recipe,
    where,
    isPainting: regions.isPainting,
  });

  return { regions, bank, pad };
}
