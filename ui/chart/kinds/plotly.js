// A Plotly figure. Every change goes through Plotly.react, so zoom, camera and hidden legend entries survive.

import { axesOf, axisOf, linkZoom, shareAxes } from "../compare.js";
import { bareText, bytesToDataUrl, coarsePointer, firstPoints, fontSize, hasWebGL, make, putArrays, sizeLayout, sizeTrace } from "../tools.js";
import { CameraControls } from "../camera.js";
import { oneStopEach } from "../follow.js";
import { Kind } from "./kind.js";

const NO_WEBGL = "This picture is drawn in three dimensions with WebGL, which this browser does not have or has switched off. "
  + "Everything else on the page works.";
const COLUMNS = ["trace", "x", "y", "z", "text", "frame"];

export class PlotlyFigure extends Kind {
  constructor(panel) {
    super(panel);
    this.camera = new CameraControls(this.node);
    panel.foot.append(this.camera.help);
    this.listen();
  }

  prepare() {
    const { solid, mate } = this.panel.spec;
    this.missing = solid && !hasWebGL();
    this.camera.show(solid && !this.missing);
    if (mate || this.shared) this.own = this.shared = null;
  }

  get saves() { return { picture: !this.missing, numbers: true }; }
  get mate() { return this.panel.mate?.view; }

  show({ data, layout }, numbers) {
    this.own = this.shared = null;
    putArrays(data, numbers, bytesToDataUrl);
    putArrays(layout, numbers, bytesToDataUrl);
    this.layout = { ...layout, template: this.board.look.template, autosize: true, font: { ...layout.font, family: this.board.family } };
    this.base = data;
  }

  at(frame, size) {
    return this.base.map((plain) => {
      const trace = sizeTrace(plain, size);
      const { grow, frames } = trace.meta ?? {};
      if (!grow && !frames) return trace;
      const now = { ...trace };
      if (grow) {
        const count = grow[Math.min(frame, grow.length - 1)];
        for (const axis of ["x", "y", "z"]) if (trace[axis]) now[axis] = firstPoints(trace[axis], count, trace.meta.paths ?? 1);
      }
      for (const [name, values] of Object.entries(frames ?? {})) {
        const value = values[Math.min(frame, values.length - 1)];
        const keys = name.split(".");
        let target = now;
        for (const key of keys.slice(0, -1)) target = target[key] = { ...target[key] };
        target[keys.at(-1)] = value;
      }
      return now;
    });
  }

  async draw(frame) {
    this.notice?.remove();
    if (this.missing) {
      window.Plotly.purge(this.node);
      this.notice = this.node.appendChild(make("p", "lab-notice", NO_WEBGL));
      return;
    }
    // What a film comes to is seen in its last frame; axes taken from the first would cut it.
    if (this.mate && !this.own) {
      await this.react(this.panel.ownFrame((this.board.spec.player?.frames ?? 1) - 1));
      this.own = axesOf(this.node._fullLayout);
    }
    await this.react(frame);
    if (this.mate) this.pair();
  }

  react(frame) {
    const size = fontSize();
    const layout = sizeLayout({ ...this.layout, datarevision: `${this.board.revision}:${frame}` }, size);
    if (this.panel.keyHeight && !this.panel.spec.solid) layout.margin.t += this.panel.keyHeight;
    if (coarsePointer()) layout.dragmode = false;
    for (const [path, range] of Object.entries(this.shared ?? {})) {
      const axis = axisOf(layout, path);
      if (axis) Object.assign(axis, { range, autorange: false });
    }
    const fixed = Object.entries(layout).filter(([name, axis]) => /^[xy]axis/.test(name) && axis.constrain === "domain" && axis.range);
    const ranges = fixed.map(([name, axis]) => [name, [...axis.range]]);  // Plotly writes into the layout
    // Plotly's own button to share would upload the reader's picture to a service.
    const config = { displaylogo: false, showSendToCloud: false, responsive: false, scrollZoom: false, doubleClick: "reset",
                     displayModeBar: coarsePointer() ? false : "hover",
                     modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d", "zoomIn2d", "zoomOut2d", "toImage"] };
    this.camera.keep();
    return window.Plotly.react(this.node, this.at(frame, size), layout, config).then(() => this.keepRanges(ranges)).then(() => {
      this.evenTicks(0.9 * size);
      oneStopEach(this.node);
      // Inside the picture, above its canvas.
      if (this.camera.solid && this.camera.handle.parentNode !== this.node) this.node.append(this.camera.handle);
    });
  }

  // Of axes of one scale Plotly.react widens the ranges to what their domains before had room for. Ranges to which the reader
  // has zoomed stay.
  keepRanges(ranges) {
    const full = this.node._fullLayout;
    const zoomed = Object.keys(full._preGUI ?? {});
    const off = ranges.filter(([name, range]) => !zoomed.some((key) => key.startsWith(`${name}.range`))
      && range.some((end, i) => Math.abs(full[name].range[i] - end) > 1e-6 * Math.abs(range[1] - range[0])));
    if (off.length) return window.Plotly.relayout(this.node, Object.fromEntries(off.map(([name, range]) => [`${name}.range`, range])));
  }

  // Plotly sets powers of ten a quarter larger than other labels of the same axis.
  evenTicks(size) {
    for (const text of this.node.querySelectorAll(":is(.xtick, .ytick) text")) {
      if (parseFloat(text.style.fontSize) > 1.1 * size) text.style.fontSize = `${size}px`;
    }
  }

  // One of two pictures that share their axes.
  pair() {
    if (!this.linked) { this.linked = true; linkZoom(this); }
    if (shareAxes(this, this.mate)) this.panel.outdated = this.panel.mate.outdated = true;
  }

  resize() {
    if (this.node.data && this.node.clientWidth > 0) window.Plotly.Plots.resize(this.node).then(() => { this.evenTicks(0.9 * fontSize()); oneStopEach(this.node); });
  }

  // Plotly reports clicks on points only; a place on a contour is read from the axes themselves.
  listen() {
    let down = null;
    this.node.addEventListener("pointerdown", (e) => {
      down = e.target.closest?.(".modebar, .legend") ? null : [e.clientX, e.clientY];
    }, true);
    // On the window: Plotly covers the page with a layer of its own while a button is down.
    this.lift = (e) => {
      const from = down;
      down = null;
      if (!from || !this.panel.spec.click || Math.hypot(e.clientX - from[0], e.clientY - from[1]) > 4) return;
      const { xaxis, yaxis } = this.node._fullLayout ?? {};
      if (!xaxis?.p2d || !yaxis?.p2d) return;
      const box = this.node.getBoundingClientRect();
      const px = e.clientX - box.left - xaxis._offset;
      const py = e.clientY - box.top - yaxis._offset;
      if (px < 0 || py < 0 || px > xaxis._length || py > yaxis._length) return;
      this.panel.click([xaxis.p2d(px), yaxis.p2d(py)]);
    };
    window.addEventListener("pointerup", this.lift, true);
  }

  async svg(width, height) {
    const text = await window.Plotly.toImage(
      { data: structuredClone(this.node.data), layout: structuredClone(this.node.layout) },
      { format: "svg", width, height, imageDataOnly: true });
    return new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
  }

  // One point a line; all of a film, not only the frame that is shown.
  rows() {
    const { paper } = this.colours;  // a line in the colour of the paper is the halo of another
    const rows = [];
    this.base.forEach((trace, i) => {
      if (trace.type === "image" || trace.line?.color === paper) return;
      const name = bareText(trace.name || `${trace.type} ${i + 1}`);
      const moves = trace.meta?.frames ?? {};
      const moving = COLUMNS.slice(1, 5).filter((key) => moves[key]);
      const count = moving.length ? Math.max(...moving.map((key) => moves[key].length)) : 1;
      for (let f = 0; f < count; f++) {
        const at = (key) => (moves[key] ? moves[key][Math.min(f, moves[key].length - 1)] : trace[key]);
        const rest = moving.length ? f : null;
        for (const point of pointsOf(...COLUMNS.slice(1, 5).map(at))) rows.push([name, ...point, rest]);
      }
    });
    const used = COLUMNS.map((_, c) => c < 3 || rows.some((row) => row[c] != null));
    return [COLUMNS, ...rows].map((row) => row.filter((_, c) => used[c]));
  }

  close() {
    window.removeEventListener("pointerup", this.lift, true);
    this.camera.help.remove();
    window.Plotly?.purge(this.node);
  }
}

function* pointsOf(x, y, z, text) {
  const listed = (v) => v != null && typeof v === "object";
  const item = (v, i) => (listed(v) ? v[i] : null);
  if (listed(z) && listed(z[0])) {
    const along = (v, i, j, k) => (!listed(v) ? k : listed(v[i]) ? v[i][j] : v[k]);
    for (let i = 0; i < z.length; i++) for (let j = 0; j < z[i].length; j++) yield [along(x, i, j, j), along(y, i, j, i), z[i][j], null];
    return;
  }
  const count = Math.max(...[x, y, z].map((v) => (listed(v) ? v.length : 0)));
  for (let i = 0; i < count; i++) yield [item(x, i), item(y, i), item(z, i), listed(text) ? text[i] : text];
}
