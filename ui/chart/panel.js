// One picture. Its DOM node is made once and lives until it leaves the document, and every change goes through
// Plotly.react, so zoom, camera and hidden legend entries survive.

import { axesOf, axisOf, follow, shareAxes } from "./compare.js";
import { partOf } from "./parts.js";
import { begun, coarse, fontSize, hasWebGL, make, putArrays, sized, sizedTrace } from "./tools.js";
import { Turn } from "./turn.js";

const NO_WEBGL = "This picture is drawn in three dimensions with WebGL, which this browser does not have or has switched off. "
  + "Everything else on the page works.";

export class Panel {
  constructor(board) {
    this.board = board;
    this.root = document.createElement("figure");
    this.root.className = "lab-panel";
    this.title = this.root.appendChild(document.createElement("div"));
    this.title.className = "lab-title";
    this.plot = this.root.appendChild(document.createElement("div"));
    this.plot.className = "lab-plot";
    // Not "img": Plotly's own buttons live inside and must be reached.
    this.plot.setAttribute("role", "group");
    this.plot.setAttribute("aria-roledescription", "picture");
    this.caption = this.root.appendChild(document.createElement("figcaption"));
    this.turn = new Turn(this);
    this.root.append(this.turn.words);
    this.size = new ResizeObserver(() => this.resize());
    this.size.observe(this.plot);
    this.visible = true;
    this.seen = new IntersectionObserver(([entry]) => {
      this.visible = entry.isIntersecting;
      if (this.visible && this.late && this.board.spec && !this.board.catching) this.board.catchUp(0);
    }, { rootMargin: "50px" });
    this.seen.observe(this.plot);
    this.listen();
  }

  show(spec) {
    this.spec = spec;
    if (spec.mate) this.own = this.shared = null;
    const same = spec.part === this.unpacked?.part;
    this.part = partOf(spec.part);  // kept from here on, as long as it may be drawn
    this.missing = spec.solid && !hasWebGL();
    this.turn.show(spec.solid && !this.missing);
    this.root.dataset.panel = spec.id;
    this.root.dataset.height = spec.height;
    this.root.style.setProperty("--span", spec.span);
    this.root.style.setProperty("--rows", spec.rows);
    if (!this.plot.data || same) this.words();  // a page that opens has its words in place
  }

  words() {
    const { title, caption, alt, click } = this.spec;
    const now = JSON.stringify([title, caption, alt, click]);
    if (now === this.said) return;
    this.said = now;
    this.title.textContent = this.spec.title;
    this.caption.innerHTML = this.spec.caption;
    this.plot.setAttribute("aria-label", this.spec.alt.replaceAll("**", ""));
    this.plot.classList.toggle("lab-clickable", Boolean(this.spec.click));
  }

  // Left until the picture's turn to be drawn: the first one does not wait for the others, and words and picture change together.
  unpack() {
    this.words();
    const { part, unpacked, board: { drawnLook } } = this;
    if (unpacked?.part === this.spec.part && unpacked.look === drawnLook) return;
    this.unpacked = { part: this.spec.part, look: drawnLook };
    this.own = this.shared = null;
    const { data, layout } = this.board.coloured(part.text);
    putArrays(data, part.numbers);
    this.layout = { ...layout, template: this.board.look.template, autosize: true, font: { ...layout.font, family: this.board.family } };
    this.base = data;
  }

  at(frame, size) {
    return this.base.map((plain) => {
      const trace = sizedTrace(plain, size);
      const { grow, frames } = trace.meta ?? {};
      if (!grow && !frames) return trace;
      const now = { ...trace };
      if (grow) {
        const count = grow[Math.min(frame, grow.length - 1)];
        for (const axis of ["x", "y", "z"]) if (trace[axis]) now[axis] = begun(trace[axis], count, trace.meta.paths ?? 1);
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

  // What is to be seen at a frame; where it is the same, there is nothing to draw.
  stateAt(frame) {
    const { part, mate, moves, clock } = this.spec;
    // One of a pair takes part in what the other one's axes show.
    return [part, this.board.drawnLook, mate && this.board.revision, moves ? clock?.[frame] ?? frame : ""].join();
  }

  async draw(frame) {
    const state = this.stateAt(frame);
    this.late = false;
    this.unpack();
    this.notice?.remove();
    if (this.missing) {
      window.Plotly.purge(this.plot);
      this.notice = this.plot.appendChild(make("p", "lab-notice", NO_WEBGL));
    } else {
      // What a film comes to is seen in its last frame; axes taken from the first would cut it.
      if (this.mate && !this.own) {
        await this.react((this.board.spec.player?.frames ?? 1) - 1);
        this.own = axesOf(this.plot._fullLayout);
      }
      await this.react(frame);
      if (this.mate) this.pair();
    }
    this.shown = state;
  }

  react(frame) {
    const size = fontSize();
    const layout = sized({ ...this.layout, datarevision: `${this.board.revision}:${frame}` }, size);
    if (coarse()) layout.dragmode = false;
    for (const [path, range] of Object.entries(this.shared ?? {})) {
      const axis = axisOf(layout, path);
      if (axis) Object.assign(axis, { range, autorange: false });
    }
    // Plotly's own button to share would upload the reader's picture to a service.
    const config = { displaylogo: false, showSendToCloud: false, responsive: false, scrollZoom: false, doubleClick: "reset",
                     displayModeBar: coarse() ? false : "hover",
                     modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d", "zoomIn2d", "zoomOut2d", "toImage"] };
    return window.Plotly.react(this.plot, this.at(this.spec.clock?.[frame] ?? frame, size), layout, config).then(() => {
      // Inside the picture, above its canvas.
      if (this.turn.solid && this.turn.handle.parentNode !== this.plot) this.plot.append(this.turn.handle);
    });
  }

  // One of two pictures that share their axes.
  pair() {
    if (!this.linked) { this.linked = true; follow(this); }
    if (shareAxes(this, this.mate)) this.late = this.mate.late = true;
  }

  resize() {
    if (this.plot.data && this.plot.clientWidth > 0) window.Plotly.Plots.resize(this.plot);
  }

  // Plotly reports clicks on points only; a place on a contour is read from the axes themselves.
  listen() {
    let down = null;
    this.plot.addEventListener("pointerdown", (e) => {
      down = e.target.closest?.(".modebar, .legend") ? null : [e.clientX, e.clientY];
    }, true);
    // On the window: Plotly covers the page with a layer of its own while a button is down.
    this.lift = (e) => {
      const from = down;
      down = null;
      if (!from || !this.spec?.click || Math.hypot(e.clientX - from[0], e.clientY - from[1]) > 4) return;
      const { xaxis, yaxis } = this.plot._fullLayout ?? {};
      if (!xaxis?.p2d || !yaxis?.p2d) return;
      const box = this.plot.getBoundingClientRect();
      const px = e.clientX - box.left - xaxis._offset;
      const py = e.clientY - box.top - yaxis._offset;
      if (px < 0 || py < 0 || px > xaxis._length || py > yaxis._length) return;
      this.board.click({ panel: this.spec.id, x: xaxis.p2d(px), y: yaxis.p2d(py) });
    };
    window.addEventListener("pointerup", this.lift, true);
  }

  close() {
    window.removeEventListener("pointerup", this.lift, true);
    this.seen.disconnect();
    this.size.disconnect();
    window.Plotly?.purge(this.plot);
    this.root.remove();
  }
}
