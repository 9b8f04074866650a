// Axes on which points of a few classes are put, moved and taken away: figures/kinds.py, PointsPad. `drawing` is a list of
// [i, j, class], i and j from 0 to levels - 1 along the axes. A brush of one point takes hold of points; a wider one sprays several
// into its ring, and erases all that are in it.

import { fontSize, make, putArrays, svgNode } from "../tools.js";
import { DrawingKind } from "./pad.js";
import { levelsToUrl, numberText, paletteOf } from "./kind.js";

const REACH = 14;  // pixels within which a point is taken hold of
const BRUSHES = [[1, 0], [5, 0.07], [12, 0.12]];  // points that each sprays, and the radius of its ring as a share of the axes

export class PointsPad extends DrawingKind {
  show(figure, numbers) {
    super.show(figure);
    putArrays(figure, numbers);
    this.behind = figure.background ? levelsToUrl(figure.background, paletteOf(figure.scale)) : null;
    const { alt } = this.panel.spec;
    this.node.classList.toggle("lab-tools-beside", figure.equal);  // a square leaves room there
    this.receive(figure.points);
    this.setTools([...figure.classes.map(([name, colour], c) => [name, `<svg viewBox="-8 -8 16 16" width="14" height="14" aria-hidden="true">
      <path d="${shapeOf(c, 6)}" fill="${colour}"/></svg>`]), ["Erase", ""]]);
    [...this.choices.children].forEach((button, c) => {
      const key = c < figure.classes.length ? c + 1 : "E";
      button.setAttribute("aria-keyshortcuts", key);
      button.title = `Key ${key}, on the drawing`;
    });
    const keys = `${figure.classes.length > 1 ? `keys 1 to ${figure.classes.length} choose the class, ` : ""}E erases, B is the next brush.`;
    this.sheet.setAttribute("aria-label", `${alt.replaceAll("**", "")} Arrow keys move the cross, Enter puts a point or takes hold of one, Delete takes it away, ${keys}`);
    this.cursor ??= [0.5, 0.5].map((share) => Math.round(share * (figure.levels - 1)));
  }

  constructor(panel) {
    super(panel);
    const label = make("label", "lab-brush");
    label.append(make("span", "", "Brush"));
    this.brush = label.appendChild(make("select"));
    this.brush.setAttribute("aria-label", "Brush");
    this.brush.title = "How many points a touch puts, or how wide it erases";
    for (const [count] of BRUSHES) this.brush.add(new Option(count === 1 ? "1 point" : `${count} points`));
    this.choices.after(label);
    this.sheet.addEventListener("pointermove", (e) => this.showRing(e.pointerType === "touch" && !this.sheet.dataset.drawing ? null : this.at(e)));
    for (const kind of ["pointerleave", "pointerup", "pointercancel"]) {
      this.sheet.addEventListener(kind, (e) => { if (kind === "pointerleave" || e.pointerType === "touch") this.showRing(null); });
    }
  }

  get erasing() { return this.chosen === this.figure.classes.length; }
  get spray() { return BRUSHES[this.brush.selectedIndex][0]; }
  get ringRadius() { return BRUSHES[this.brush.selectedIndex][1] * Math.min(this.box.width, this.box.height); }
  empty() { this.drawing = []; this.grabbed = null; }

  layout(width, height) {
    const { figure } = this;
    const size = this.size = fontSize();
    const { ink, axis, grid } = this.colours;
    // While a net learns the points only what lies behind them is new.
    const plan = JSON.stringify([width, height, size, figure.x, figure.y, figure.x_title, figure.y_title, figure.equal, Boolean(this.behind), this.colours]);
    if (plan === this.plan) return this.image?.setAttribute("href", this.behind);
    this.plan = plan;
    const [left, bottom, right, top] = [4.2 * size, 3 * size, 0.8 * size, 0.6 * size];
    this.box = { x: left, y: top, width: width - left - right, height: height - top - bottom };
    if (figure.equal) {  // one scale on both axes, the frame narrower
      const scale = Math.min(this.box.width / (figure.x[1] - figure.x[0]), this.box.height / (figure.y[1] - figure.y[0]));
      const [w, h] = [scale * (figure.x[1] - figure.x[0]), scale * (figure.y[1] - figure.y[0])];
      this.box = { x: left + (this.box.width - w) / 2, y: top, width: w, height: h };
    }
    const { box } = this;
    height = box.y + box.height + bottom;
    this.sheet.replaceChildren();
    for (const [key, value] of Object.entries({ width, height, viewBox: `0 0 ${width} ${height}`, "font-family": this.board.family,
                                                "font-size": 0.9 * size })) this.sheet.setAttribute(key, value);
    this.image = this.behind && svgNode("image", { ...box, href: this.behind, opacity: 0.4, preserveAspectRatio: "none" }, this.sheet);
    const text = (about, words) => { svgNode("text", { fill: ink, ...about }, this.sheet).textContent = words; };
    for (const value of ticksOf(figure.x)) {
      const x = box.x + (box.width * (value - figure.x[0])) / (figure.x[1] - figure.x[0]);
      svgNode("line", { x1: x, x2: x, y1: box.y, y2: box.y + box.height, stroke: grid }, this.sheet);
      text({ x, y: box.y + box.height + 1.1 * size, "text-anchor": "middle" }, numberText(value));
    }
    for (const value of ticksOf(figure.y)) {
      const y = box.y + box.height - (box.height * (value - figure.y[0])) / (figure.y[1] - figure.y[0]);
      svgNode("line", { y1: y, y2: y, x1: box.x, x2: box.x + box.width, stroke: grid }, this.sheet);
      text({ x: box.x - 0.4 * size, y: y + 0.3 * size, "text-anchor": "end" }, numberText(value));
    }
    svgNode("rect", { ...box, fill: "none", stroke: axis }, this.sheet);
    text({ x: box.x + box.width / 2, y: box.y + box.height + 2.4 * size, "text-anchor": "middle", "font-size": size }, figure.x_title);
    const [tx, ty] = [box.x - 3.2 * size, box.y + box.height / 2];
    text({ x: tx, y: ty, "text-anchor": "middle", "font-size": size, transform: `rotate(-90 ${tx} ${ty})` }, figure.y_title);
    this.marks = svgNode("g", {}, this.sheet);
    this.ring = svgNode("circle", { "data-only-here": "", fill: "none", stroke: ink, "stroke-width": 1.5, "stroke-dasharray": "3 3", visibility: "hidden",
                                    "pointer-events": "none" }, this.sheet);
    this.cross = svgNode("path", { "data-only-here": "", fill: "none", stroke: ink, "stroke-width": 1.5 }, this.sheet);
  }

  place([i, j]) {
    const { levels } = this.figure;
    const { box } = this;
    return [box.x + (box.width * i) / (levels - 1), box.y + box.height * (1 - j / (levels - 1))];
  }

  level([x, y]) {
    const last = this.figure.levels - 1;
    const { box } = this;
    return [(x - box.x) / box.width, 1 - (y - box.y) / box.height].map((share) => Math.round(last * Math.max(0, Math.min(1, share))));
  }

  distance(point, at) {
    const [x, y] = this.place(point);
    return Math.hypot(x - at[0], y - at[1]);
  }

  nearest(at) {
    const far = this.drawing.map((point) => this.distance(point, at));
    const best = far.indexOf(Math.min(...far));
    return best >= 0 && far[best] <= REACH ? best : null;
  }

  put(at) {
    const { most } = this.figure;
    this.full = this.drawing.length >= most;
    if (this.full) return null;
    this.drawing.push([...this.level(at), this.chosen]);
    return this.drawing.length - 1;
  }

  // Points at random places of the ring, inside the axes where that is found soon. Not at its rim: places are rounded, and the same
  // ring erases them.
  sprayAt([x, y]) {
    const { box } = this;
    for (let k = 0; k < this.spray; k++) {
      let at = [x, y];
      for (let tries = 0; tries < 20; tries++) {
        const [far, angle] = [0.85 * this.ringRadius * Math.sqrt(Math.random()), 2 * Math.PI * Math.random()];
        at = [x + far * Math.cos(angle), y + far * Math.sin(angle)];
        if (at[0] >= box.x && at[0] <= box.x + box.width && at[1] >= box.y && at[1] <= box.y + box.height) break;
      }
      if (this.put(at) === null) return;
    }
  }

  erase(at) {
    const near = this.spray === 1 ? [this.nearest(at)] : this.drawing.flatMap((point, k) => (this.distance(point, at) <= this.ringRadius ? [k] : []));
    this.drawing = this.drawing.filter((_, k) => !near.includes(k));
    this.full = false;
  }

  begin(at) {
    this.from = at;
    this.grabbed = null;
    if (this.erasing) this.erase(at);
    else if (this.spray > 1) this.sprayAt(at);
    else this.grabbed = this.nearest(at) ?? this.put(at);
    this.paint();
    this.showRing(at);
  }

  drag(at) {
    if (this.grabbed !== null) this.drawing[this.grabbed].splice(0, 2, ...this.level(at));
    else if (this.erasing) this.along(at, 0.5 * (this.ringRadius || REACH), (one) => this.erase(one));
    else if (this.spray > 1) this.along(at, 1.2 * this.ringRadius, (one) => this.sprayAt(one));
    this.paint();
  }

  // Every `step` pixels on the way from where the brush has been last.
  along(at, step, does) {
    let far;
    while ((far = Math.hypot(at[0] - this.from[0], at[1] - this.from[1])) >= step) {
      this.from = this.from.map((v, i) => v + (step / far) * (at[i] - v));
      does(this.from);
    }
  }

  end() { this.grabbed = null; }

  handleKey(e) {
    const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[e.key];
    const last = this.figure.levels - 1;
    if (by) {
      const step = Math.max(1, Math.round(last / (e.shiftKey ? 200 : 40)));
      this.cursor = this.cursor.map((v, i) => Math.max(0, Math.min(last, v + step * by[i])));
      if (this.grabbed != null) { this.drawing[this.grabbed].splice(0, 2, ...this.cursor); this.changedSoon(); }
      else this.paint();
    } else if (e.key === "Enter" || e.key === " ") {
      if (this.grabbed != null) this.grabbed = null;
      else {
        const at = this.place(this.cursor);
        this.remember();
        const near = this.spray === 1 ? this.nearest(at) : null;
        if (this.erasing) this.erase(at);
        else if (near !== null) { this.grabbed = near; this.cursor = this.drawing[near].slice(0, 2); }
        else if (this.spray === 1) this.put(at);
        else this.sprayAt(at);
      }
      this.changedSoon();
    } else if (e.key === "Delete" || e.key === "Backspace") {
      this.remember();
      if (this.grabbed != null) this.drawing.splice(this.grabbed, 1);
      else this.erase(this.place(this.cursor));
      this.grabbed = null;
      this.changedSoon();
    } else if (e.ctrlKey || e.metaKey || e.altKey) {
      return false;
    } else if (this.figure.classes[e.key - 1]) {
      this.selectTool(e.key - 1);
    } else if (e.key === "e" || e.key === "E") {
      this.selectTool(this.figure.classes.length);
    } else if (e.key === "b" || e.key === "B") {
      this.brush.selectedIndex = (this.brush.selectedIndex + 1) % BRUSHES.length;
      this.paint();
    } else if (e.key === "Escape" && this.grabbed != null) {
      this.grabbed = null;
      this.paint();
    } else return false;
    this.keyed = true;
    return true;
  }

  paint() {
    if (!this.marks) return;
    const { figure } = this;
    const { paper, ink } = this.colours;
    this.marks.replaceChildren(...this.drawing.map((point, k) => {
      const [x, y] = this.place(point);
      const c = Math.min(point[2], figure.classes.length - 1);
      return svgNode("path", { d: shapeOf(c, 0.5 * this.size), transform: `translate(${x.toFixed(1)} ${y.toFixed(1)})`, fill: figure.classes[c][1],
                               stroke: k === this.grabbed ? ink : paper, "stroke-width": k === this.grabbed ? 3 : 1.2 });
    }));
    const [x, y] = this.place(this.cursor);
    this.cross.setAttribute("d", `M${x - 9} ${y}H${x + 9}M${x} ${y - 9}V${y + 9}`);
    const keyed = document.activeElement === this.sheet && this.keyed !== false;
    this.cross.setAttribute("visibility", keyed ? "visible" : "hidden");
    if (keyed || this.ringed) this.showRing(keyed ? [x, y] : null);
    this.ringed = keyed;
    this.undo.disabled = !this.past.length;
    this.clear.disabled = !this.drawing.length;
    const counts = figure.classes.map(([name], c) => `${this.drawing.filter((p) => p[2] === c).length} ${name}`).join(", ");
    this.status.textContent = this.full && this.drawing.length >= figure.most ? `${counts}. ${figure.most} points are the most.` : `${counts}.`;
  }

  // Where the brush is.
  showRing(at) {
    const shown = at && this.ringRadius > 0;
    this.ring?.setAttribute("visibility", shown ? "visible" : "hidden");
    if (shown) for (const [key, value] of Object.entries({ cx: at[0], cy: at[1], r: this.ringRadius })) this.ring.setAttribute(key, value);
  }

  rows() {
    const { x, y, levels, classes } = this.figure;
    const along = ([low, high], i) => low + ((high - low) * i) / (levels - 1);
    return [["class", "x", "y"], ...this.drawing.map(([i, j, c]) => [classes[c][0], along(x, i), along(y, j)])];
  }
}

// A class has a shape besides its colour: disc, square, triangle, diamond, cross, and on from the start.
function shapeOf(c, r) {
  const polygon = (...points) => `M${points.map((p) => p.map((v) => (v * r).toFixed(1)).join(" ")).join("L")}Z`;
  return [
    `M${-r} 0a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0Z`,
    polygon([-0.9, -0.9], [0.9, -0.9], [0.9, 0.9], [-0.9, 0.9]),
    polygon([0, -1.15], [1.1, 0.85], [-1.1, 0.85]),
    polygon([0, -1.3], [1.1, 0], [0, 1.3], [-1.1, 0]),
    `M${[-0.4, -1.15, 0.4, -1.15, 0.4, -0.4, 1.15, -0.4, 1.15, 0.4, 0.4, 0.4, 0.4, 1.15, -0.4, 1.15, -0.4, 0.4, -1.15, 0.4, -1.15, -0.4, -0.4, -0.4].map((v) => (v * r).toFixed(1)).join(" ")}Z`,
  ][c % 5];
}

// Round numbers inside a range, four to eight of them.
function ticksOf([low, high]) {
  const rough = (high - low) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough * 0.75);
  const first = Math.ceil(low / step - 1e-9);
  return Array.from({ length: Math.floor(high / step + 1e-9) - first + 1 }, (_, i) => (first + i) * step);
}
