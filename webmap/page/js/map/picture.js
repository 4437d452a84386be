// The current view as a PNG, with legend, scale, and the words that say what is synthetic.

import { Problem } from "../service/api.js";
import { stopsOf } from "../colours.js";
import { byId } from "../dom.js";
import { legendOf, modelOf } from "../panels/legend.js";
import { scaleOf } from "./reading.js";
import { TEXT } from "../texts.js";
import { colourOf } from "../theme.js";

/** @typedef {import("../scenestate.js").Workbench} Workbench */
/** @typedef {import("./mapview.js").Stage} Stage */

const MARGIN = 14;
const LINE = 18;
const RAMP = [120, 10];
const [LABEL_HEIGHT, LABEL_PAPER] = [26, "rgb(13 17 23 / 78%)"];
const FONT = "12px system-ui, sans-serif";
const BOLD = "600 14px system-ui, sans-serif";

/** @param {Workbench} bench */
export async function savePicture(bench) {
  const whole = await bench.rest();
  const canvas = await paintView(bench);
  const blob = await new Promise((/** @type {(found: Blob | null) => void} */ resolve) => canvas.toBlob(resolve, "image/png"));
  if (!blob) throw new Problem(TEXT.take.pictureFailed, 0);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = `${(bench.scene?.name ?? "map").replace(/[^\w.-]+/g, "_")}_view.png`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  if (!whole) throw new Problem(TEXT.take.pictureHoles, 0);
}

/** @param {Workbench} bench */
async function paintView(bench) {
  const { scene } = bench;
  if (!scene) throw new Problem(TEXT.take.pictureFailed, 0);
  const { width, height } = bench.hosts[0].getBoundingClientRect();
  const count = bench.stages.length;
  const entries = legendOf(bench);
  const synthetic = entries.some((one) => one.synthetic);
  const foot = 2 * MARGIN + LINE * (2 + (synthetic ? 2 : 0)) + entries.length * LINE;
  const dense = Math.min(2, window.devicePixelRatio || 1);
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(width * count * dense);
  canvas.height = Math.round((height + foot) * dense);
  const context = canvas.getContext("2d");
  if (!context) throw new Problem(TEXT.take.pictureFailed, 0);
  context.scale(dense, dense);
  const ink = colourOf("--ink");
  context.fillStyle = colourOf("--panel");
  context.fillRect(0, 0, width * count, height + foot);
  let painted = 0;
  bench.stages.forEach((stage, index) => {
    context.save();
    context.translate(index * width, 0);
    context.beginPath();
    context.rect(0, 0, width, height);
    context.clip();
    context.fillStyle = getComputedStyle(stage.element).backgroundColor;
    context.fillRect(0, 0, width, height);
    painted += paintStage(context, stage, bench.hosts[index]?.getBoundingClientRect() ?? new DOMRect());
    context.restore();
  });
  const { mode, left, right } = bench.view;
  if (mode !== "stack") {
    const most = (mode === "side" ? width : width / 2) - 2 * MARGIN;
    paintLabel(context, bench.titleOf(left), MARGIN, "left", most);
    if (mode === "side") paintLabel(context, bench.titleOf(right), width + MARGIN, "left", most);
    else paintLabel(context, bench.titleOf(right), width - MARGIN, "right", most);
  }
  if (!painted) throw new Problem(TEXT.take.pictureFailed, 0);
  context.fillStyle = ink;
  context.textBaseline = "middle";
  let y = height + MARGIN + LINE / 2;
  context.font = BOLD;
  context.fillText(scene.name, MARGIN, y);
  paintScale(context, bench, width * count - MARGIN, y);
  y += LINE;
  context.font = FONT;
  if (synthetic) {
    context.font = `600 ${FONT}`;
    context.fillText(`${TEXT.synthetic.badge}. ${TEXT.synthetic.madeBy(modelOf(bench))}.`, MARGIN, y);
    y += LINE;
    context.font = FONT;
    context.fillText(TEXT.synthetic.not, MARGIN, y);
    y += LINE;
  }
  for (const { label, colours: ramp, ends } of entries) {
    let x = MARGIN;
    if (ramp && ends) {
      context.fillText(ends[0], x, y);
      x += context.measureText(ends[0]).width + 6;
      const [long = 0, high = 0] = RAMP;
      const fading = context.createLinearGradient(x, 0, x + long, 0);
      const stops = stopsOf(ramp);
      stops.forEach((stop, index) => fading.addColorStop(index / (stops.length - 1), stop));
      context.fillStyle = fading;
      context.fillRect(x, y - high / 2, long, high);
      context.fillStyle = ink;
      x += long + 6;
      context.fillText(ends[1], x, y);
      x += context.measureText(ends[1]).width + 10;
    }
    context.fillText(label, x, y);
    y += LINE;
  }
  if (scene.georeferenced) context.fillText(byId("credit").textContent ?? "", MARGIN, y);
  return canvas;
}

/**
 * Paint what a map shows of the base and of the scene: the very tiles that are on screen.
 * @param {CanvasRenderingContext2D} context
 * @param {Stage} stage
 * @param {DOMRect} frame
 */
function paintStage(context, stage, frame) {
  const panes = [...stage.element.querySelectorAll(".leaflet-map-pane > .leaflet-pane")]
    .filter((pane) => pane instanceof HTMLElement)
    .sort((one, other) => Number(getComputedStyle(one).zIndex) - Number(getComputedStyle(other).zIndex));
  let painted = 0;
  for (const pane of panes) {
    const name = [...stage.sides.keys()].find((one) => pane.classList.contains(`leaflet-scene-${one}-pane`));
    const side = name ? stage.sides.get(name) : "all";
    context.save();
    context.globalAlpha = Number(getComputedStyle(pane).opacity);
    const middle = frame.width * stage.split;
    context.beginPath();
    context.rect(side === "right" ? middle : 0, 0, side === "all" ? frame.width : side === "left" ? middle : frame.width - middle, frame.height);
    context.clip();
    for (const one of pane.querySelectorAll("img, canvas")) {
      if (!(one instanceof HTMLImageElement || one instanceof HTMLCanvasElement)) continue;
      if (one instanceof HTMLImageElement && !one.naturalWidth) continue;
      const box = one.getBoundingClientRect();
      context.drawImage(one, box.left - frame.left, box.top - frame.top, box.width, box.height);
      if (name) painted += 1;
    }
    context.restore();
  }
  if ([...stage.sides.values()].some((side) => side !== "all")) {
    context.fillStyle = "#ffffff";
    context.fillRect(frame.width * stage.split - 1, 0, 2, frame.height);
  }
  return painted;
}

/**
 * Say what a side shows, as the page does above the map.
 * @param {CanvasRenderingContext2D} context @param {string} words @param {number} x @param {"left" | "right"} side
 * @param {number} most pixels
 */
function paintLabel(context, words, x, side, most) {
  context.save();
  context.font = `600 ${FONT}`;
  context.textBaseline = "middle";
  const width = Math.min(most, context.measureText(words).width + 20);
  const left = side === "left" ? x : x - width;
  context.fillStyle = LABEL_PAPER;
  context.beginPath();
  context.roundRect(left, MARGIN, width, LABEL_HEIGHT, LABEL_HEIGHT / 2);
  context.fill();
  context.fillStyle = "#ffffff";
  context.fillText(words, left + 10, MARGIN + LABEL_HEIGHT / 2 + 1, width - 20);
  context.restore();
}

/** @param {CanvasRenderingContext2D} context @param {Workbench} bench @param {number} right @param {number} y */
function paintScale(context, bench, right, y) {
  const { width, words } = scaleOf(bench.first.map, bench.scene);
  context.save();
  context.font = FONT;
  context.textAlign = "right";
  context.fillText(words, right - width - 6, y);
  context.fillRect(right - width, y + 2, width, 2);
  context.fillRect(right - width, y - 4, 1, 8);
  context.fillRect(right - 1, y - 4, 1, 8);
  context.restore();
}
