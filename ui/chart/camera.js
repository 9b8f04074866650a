// How a picture in space is turned. The wheel and one finger belong to the page, which would otherwise have a dead area;
// a mouse turns by dragging, as Plotly does it, fingers in pairs, and everybody by the handle, with keys too.

import { icon } from "./player.js";
import { coarsePointer, make } from "./tools.js";

const STEP = Math.PI / 24;

export class CameraControls {
  constructor(plot) {
    this.plot = plot;
    this.handle = make("button", "lab-rotate");
    this.handle.innerHTML = icon("M8 2a6 6 0 0 1 5.2 3H15l-3 3.5L9 5h2a4 4 0 0 0-6.9.8L2.6 4.6A6 6 0 0 1 8 2zM8 14a6 6 0 0 1-5.2-3H1l3-3.5L7 11H5a4 4 0 0 0 6.9-.8l1.5 1.2A6 6 0 0 1 8 14z");
    this.handle.setAttribute("aria-label", "Turn the picture: drag, or use the arrow keys");
    this.handle.title = "Drag to turn; arrow keys";
    this.help = make("p", "lab-rotate-help", coarsePointer() ? "Two fingers, or the round handle, turn it." : "Drag to turn it; on the handle, arrow keys.");
    this.listen();
  }

  show(solid) {
    this.solid = solid;
    this.handle.hidden = this.help.hidden = !solid;
    this.plot.classList.toggle("lab-solid", Boolean(solid));
  }

  listen() {
    const { plot, handle } = this;
    const own = (e) => this.solid && !e.target.closest?.(".modebar");
    plot.addEventListener("wheel", (e) => { if (own(e)) e.stopPropagation(); }, { capture: true, passive: true });
    plot.addEventListener("mousedown", (e) => { this.taken ||= own(e); }, { capture: true, passive: true });
    let last = null;
    const middle = (touches) => [(touches[0].clientX + touches[1].clientX) / 2, (touches[0].clientY + touches[1].clientY) / 2];
    for (const kind of ["touchstart", "touchmove", "touchend", "touchcancel"]) {
      plot.addEventListener(kind, (e) => {
        if (!own(e)) return;
        e.stopPropagation();
        if (e.touches.length !== 2) { last = null; return; }
        if (e.cancelable) e.preventDefault();
        const at = middle(e.touches);
        if (last) this.drag(at[0] - last[0], at[1] - last[1]);
        last = at;
      }, { capture: true, passive: false });
    }
    let from = null;
    handle.addEventListener("pointerdown", (e) => { from = [e.clientX, e.clientY]; handle.setPointerCapture(e.pointerId); });
    handle.addEventListener("pointermove", (e) => {
      if (!from) return;
      this.drag(e.clientX - from[0], e.clientY - from[1]);
      from = [e.clientX, e.clientY];
    });
    for (const kind of ["pointerup", "pointercancel"]) handle.addEventListener(kind, () => { from = null; });
    handle.addEventListener("keydown", (e) => {
      const [across, up] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[e.key] ?? [];
      if (across === undefined) return;
      e.preventDefault();
      e.stopPropagation();
      this.rotate(across * STEP, up * STEP);
    });
  }

  // Before an update. On a slow machine the camera glides on after Plotly 7.1 has noted where it was let go, and the update would
  // take it back there.
  keep() {
    if (this.taken) this.plot._fullLayout?.scene?._scene?.saveLayout(this.plot.layout);
  }

  // A hand that crosses the picture turns it half round.
  drag(dx, dy) {
    const scale = Math.PI / Math.max(200, this.plot.clientWidth);
    this.rotate(-dx * scale, dy * scale);
  }

  // Moves the eye round its centre: by `across` round the vertical, by `up` towards the top; it never goes over it.
  rotate(across, up) {
    const scene = this.plot._fullLayout?.scene;
    if (!scene) return;
    const { eye, center, up: vertical } = scene._scene ? scene._scene.getCamera() : scene.camera;
    const [x, y, z] = ["x", "y", "z"].map((axis) => eye[axis] - center[axis]);
    const far = Math.hypot(x, y, z);
    const round = Math.atan2(y, x) + across;
    const high = Math.min(1.45, Math.max(-1.45, Math.asin(z / far) + up));
    window.Plotly.relayout(this.plot, { "scene.camera": { center, up: vertical, eye: {
      x: center.x + far * Math.cos(high) * Math.cos(round), y: center.y + far * Math.cos(high) * Math.sin(round),
      z: center.z + far * Math.sin(high) } } });
  }
}
