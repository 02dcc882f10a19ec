// Pictures on canvases.

/** @import { Picture } from "../types.js" */

/**
 * Paints at once; until then the canvas shows what it showed before.
 * @param {HTMLCanvasElement} canvas
 * @param {Picture | HTMLCanvasElement} picture
 */
export function paintPicture(canvas, picture) {
  if (canvas.width !== picture.width || canvas.height !== picture.height) {
    canvas.width = picture.width;
    canvas.height = picture.height;
  }
  const context = contextOf(canvas);
  if (picture instanceof ImageData) context.putImageData(picture, 0, 0);
  else context.drawImage(picture, 0, 0);
}

/** @param {HTMLCanvasElement} canvas */
export function contextOf(canvas) {
  const context = canvas.getContext("2d");
  if (!context) throw new Error("this browser draws on no canvas");
  return context;
}
