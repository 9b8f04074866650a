// A board of linked Plotly pictures with one clock. See __init__.py for what Python sends.
//
// The DOM node of a picture is made once and lives until it leaves the document, and every change goes through
// Plotly.react, so zoom, camera and hidden legend entries survive. Only the newest spec is ever drawn.

const boards = new WeakMap();
let plotlyLoading = null;

function loadPlotly(path) {
  if (window.Plotly) return Promise.resolve(window.Plotly);
  plotlyLoading ??= new Promise((resolve, reject) => {
    // The app may live under a base path; Streamlit's own bundle says where.
    const bundle = document.querySelector('script[src*="static/js/"]');
    const root = bundle ? bundle.src.split("static/js/")[0] : document.baseURI;
    const script = document.createElement("script");
    script.src = root + path;
    script.onload = () => resolve(window.Plotly);
    script.onerror = () => { plotlyLoading = null; reject(new Error("plotly.js did not load")); };
    document.head.append(script);
  });
  return plotlyLoading;
}

const ARRAYS = { f4: Float32Array, f8: Float64Array, i1: Int8Array, u1: Uint8Array, i2: Int16Array,
                 u2: Uint16Array, i4: Int32Array, u4: Uint32Array };

// {dtype, bdata, shape: "F, n, m"} to an array of F frames, each flat (shape F, n) or a list of rows (F, n, m).
function unpackFrames(value) {
  if (!value || !value.bdata) return value;
  const bytes = Uint8Array.from(atob(value.bdata), (c) => c.charCodeAt(0));
  const flat = new ARRAYS[value.dtype](bytes.buffer);
  const shape = String(value.shape ?? flat.length).split(",").map(Number);
  const cut = (from, dims) => {
    if (dims.length === 1) return flat.subarray(from, from + dims[0]);
    const stride = dims.slice(1).reduce((a, b) => a * b, 1);
    return Array.from({ length: dims[0] }, (_, i) => cut(from + i * stride, dims.slice(1)));
  };
  return cut(0, shape);
}

function unpackValues(value) {
  return value && value.bdata ? unpackFrames({ ...value, shape: value.shape }) : value;
}

// The first `count` points of each of the equal parts of an array, a gap after each where there are several.
function begun(values, count, parts) {
  if (parts === 1) return values.slice(0, count);
  const length = values.length / parts;
  return Array.from({ length: parts }, (_, i) => [...values.slice(i * length, i * length + count), null]).flat();
}

const nextFrame = () => new Promise((then) => requestAnimationFrame(() => setTimeout(then, 0)));
const calm = () => window.matchMedia("(prefers-reduced-motion: reduce)").matches;
const coarse = () => window.matchMedia("(pointer: coarse)").matches;

function isDark(node) {
  // The nearest opaque background says which theme is on, whatever Streamlit calls it.
  for (let n = node; n; n = n.parentElement) {
    const c = getComputedStyle(n).backgroundColor.match(/[\d.]+/g)?.map(Number);
    if (c && (c.length < 4 || c[3] > 0)) return 0.299 * c[0] + 0.587 * c[1] + 0.114 * c[2] < 128;
  }
  return window.matchMedia("(prefers-color-scheme: dark)").matches;
}

function swapColours(text, partner) {
  const rgba = {};
  for (const [light, dark] of Object.entries(partner)) {
    const dec = (h) => [1, 3, 5].map((i) => parseInt(h.slice(i, i + 2), 16)).join(",");
    rgba[dec(light)] = dec(dark);
  }
  return text
    .replace(/"#[0-9A-Fa-f]{6}"/g, (hit) => (partner[hit.slice(1, 8).toUpperCase()] ? `"${partner[hit.slice(1, 8).toUpperCase()]}"` : hit))
    .replace(/rgba\((\d+,\d+,\d+),/g, (hit, c) => (rgba[c] ? `rgba(${rgba[c]},` : hit));
}

const FONT_STEPS = [[0, 12], [640, 13], [1200, 14], [1600, 17], [2200, 20]];
const fontSize = () => FONT_STEPS.filter(([w]) => window.innerWidth >= w).at(-1)[1];

const DASHES = { solid: "", dot: "2 3", dash: "7 4", longdash: "11 4", dashdot: "7 3 2 3", longdashdot: "11 3 2 3" };

function legendEntry({ label, colour, dash }) {
  const item = document.createElement("li");
  item.innerHTML = `<svg width="26" height="10" aria-hidden="true"><line x1="1" x2="25" y1="5" y2="5" stroke-width="3"
    stroke="${colour}" stroke-dasharray="${DASHES[dash] ?? ""}"/></svg>`;
  item.append(label);
  return item;
}

// One type scale: titles of axes as large as the text, ticks and hover a little smaller.
function sized(layout, size) {
  const axis = (a) => ({ ...a, title: { ...a?.title, font: { ...a?.title?.font, size } }, tickfont: { ...a?.tickfont, size: 0.9 * size } });
  const out = { ...layout, font: { ...layout.font, size }, hoverlabel: { ...layout.hoverlabel, font: { ...layout.hoverlabel?.font, size } } };
  for (const key of ["xaxis", "yaxis", ...Object.keys(layout)]) if (/^[xy]axis\d*$/.test(key)) out[key] = axis(layout[key]);
  for (const key of Object.keys(layout)) {
    if (!/^scene\d*$/.test(key)) continue;
    out[key] = { ...layout[key] };
    for (const a of ["xaxis", "yaxis", "zaxis"]) out[key][a] = axis(layout[key][a]);
  }
  return out;
}

// The same scale for the bars beside coloured pictures.
function sizedBars(trace, size) {
  const bar = (b) => ({ ...b, thickness: 0.8 * size, tickfont: { ...b.tickfont, size: 0.9 * size },
                        title: { ...b.title, font: { ...b.title?.font, size } } });
  const out = { ...trace };
  if (trace.colorbar) out.colorbar = bar(trace.colorbar);
  if (trace.marker?.colorbar) out.marker = { ...trace.marker, colorbar: bar(trace.marker.colorbar) };
  return out;
}

class Panel {
  constructor(board) {
    this.board = board;
    this.root = document.createElement("figure");
    this.root.className = "lab-panel";
    this.title = this.root.appendChild(document.createElement("div"));
    this.title.className = "lab-title";
    this.plot = this.root.appendChild(document.createElement("div"));
    this.plot.className = "lab-plot";
    this.plot.setAttribute("role", "img");
    this.caption = this.root.appendChild(document.createElement("figcaption"));
    this.size = new ResizeObserver(() => this.resize());
    this.size.observe(this.plot);
    this.visible = true;
    this.seen = new IntersectionObserver(([entry]) => {
      this.visible = entry.isIntersecting;
      if (this.visible && this.late && this.board.spec) this.board.catchUp(0);
    }, { rootMargin: "50px" });
    this.seen.observe(this.plot);
    this.listen();
  }

  show(spec) {
    this.spec = spec;
    this.unpacked = false;
    this.moving = spec.figure.data.map((trace) => trace.meta?.grow || trace.meta?.frames);
    this.root.dataset.panel = spec.id;
    this.root.dataset.height = spec.height;
    this.root.style.setProperty("--span", spec.span);
    this.root.style.setProperty("--rows", spec.rows);
    this.title.textContent = spec.title;
    this.caption.innerHTML = spec.caption;
    this.plot.setAttribute("aria-label", spec.alt);
    this.plot.classList.toggle("lab-clickable", Boolean(spec.click));
  }

  // Left until the picture's turn to be drawn, so that the first one does not wait for the others.
  unpack() {
    if (this.unpacked) return;
    this.unpacked = true;
    const { data, layout } = this.spec.figure;
    for (const trace of data) {
      if (trace.meta?.grow) for (const axis of ["x", "y", "z"]) if (trace[axis]) trace[axis] = unpackValues(trace[axis]);
      const moves = trace.meta?.frames;
      if (moves) for (const name of Object.keys(moves)) moves[name] = unpackFrames(moves[name]);
    }
    this.layout = { ...layout, template: this.board.look.template, autosize: true };
    this.base = data;
  }

  at(frame, size) {
    return this.base.map((plain) => {
      const trace = sizedBars(plain, size);
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

  draw(frame) {
    this.late = false;
    this.unpack();
    const size = fontSize();
    const layout = sized({ ...this.layout, datarevision: `${this.board.revision}:${frame}` }, size);
    if (coarse()) layout.dragmode = false;
    const config = { displaylogo: false, responsive: false, scrollZoom: false, doubleClick: "reset",
                     displayModeBar: coarse() ? false : "hover",
                     modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d", "zoomIn2d", "zoomOut2d", "toImage"] };
    return window.Plotly.react(this.plot, this.at(frame, size), layout, config);
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

const icon = (path) => `<svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true"><path d="${path}" fill="currentColor"/></svg>`;
const ICONS = {
  play: icon("M4 2.5v11l9-5.5z"), pause: icon("M4 3h3v10H4zM9 3h3v10H9z"),
  back: icon("M3 3h2v10H3zM13 3v10L6 8z"), next: icon("M11 3h2v10h-2zM3 3v10l7-5z"),
};

class Player {
  constructor(board) {
    this.board = board;
    this.root = document.createElement("div");
    this.root.className = "lab-player";
    this.root.setAttribute("role", "group");
    this.root.setAttribute("aria-label", "Playback");
    this.root.innerHTML = `
      <button type="button" data-do="back" aria-label="One step back" title="One step back">${ICONS.back}</button>
      <button type="button" data-do="play" class="lab-play" aria-label="Play" title="Play (space)">${ICONS.play}</button>
      <button type="button" data-do="next" aria-label="One step forward" title="One step forward">${ICONS.next}</button>
      <input type="range" min="0" step="1" aria-label="Position">
      <output></output>
      <select aria-label="Speed" title="Speed"><option value="0.25">¼×</option><option value="0.5">½×</option>
        <option value="1" selected>1×</option><option value="2">2×</option><option value="4">4×</option></select>`;
    this.range = this.root.querySelector("input");
    this.output = this.root.querySelector("output");
    this.button = this.root.querySelector(".lab-play");
    this.speed = this.root.querySelector("select");
    this.root.addEventListener("click", (e) => this.press(e.target.closest("button")?.dataset.do));
    this.range.addEventListener("input", () => {
      const to = Number(this.range.value);  // before pause(), which writes the old position back
      this.pause();
      this.go(to);
    });
    this.range.addEventListener("change", () => this.settle());
    this.frame = 0;
    this.playing = false;
  }

  press(what) {
    if (what === "play") this.playing ? this.pause(true) : this.play();
    if (what === "back") { this.pause(); this.go(this.frame - 1); this.settle(); }
    if (what === "next") { this.pause(); this.go(this.frame + 1); this.settle(); }
  }

  // spec: {frames, labels, seconds, name, start, field, autoplay, live}
  show(spec, fresh) {
    const atEnd = !this.spec || this.frame >= this.last;
    // Python's answer to our own message may come after the hand has moved on; it is no order to go back.
    const started = spec?.start !== this.spec?.start && spec?.start !== this.told && !this.telling;
    this.spec = spec;
    this.last = spec ? spec.frames - 1 : 0;
    this.root.hidden = !spec || spec.frames < 2;
    if (!spec) { this.pause(); this.frame = 0; return; }
    this.range.max = this.last;
    this.range.setAttribute("aria-label", spec.name);
    if (started && spec.start != null && !this.playing) this.frame = spec.start;
    else if (spec.live || (atEnd && !this.playing)) this.frame = this.last;
    this.frame = Math.max(0, Math.min(this.frame, this.last));
    this.mark();
    if (fresh && spec.autoplay && spec.start == null && !spec.live && !calm()) { this.frame = 0; this.play(); }
  }

  play() {
    if (this.frame >= this.last) this.frame = 0;
    this.playing = true;
    this.mark();
    let from = this.frame, begun = null, rate = null;
    const tick = (now) => {
      if (!this.playing || !this.root.isConnected) { this.playing = false; return; }
      const current = Number(this.speed.value) * this.last / this.spec.seconds;
      if (rate !== current || begun === null) { rate = current; begun = now; from = this.frame; }
      const frame = Math.min(this.last, Math.floor(from + (rate * (now - begun)) / 1000));
      const next = () => {
        if (this.frame >= this.last) this.pause(true);
        else requestAnimationFrame(tick);
      };
      if (frame === this.frame) next();
      else this.go(frame).then(next);
    };
    requestAnimationFrame(tick);
  }

  pause(settle) {
    const was = this.playing;
    this.playing = false;
    this.mark();
    if (settle && was) this.settle();
  }

  go(frame) {
    this.frame = Math.max(0, Math.min(frame, this.last));
    this.mark();
    return this.board.draw(this.frame);
  }

  // Where the position is itself a control of the lesson, Python and the link hear of it once the hand rests.
  settle() {
    if (!this.spec?.field) return;
    clearTimeout(this.telling);
    this.telling = setTimeout(() => {
      this.telling = null;
      this.told = this.frame;
      this.board.settle(this.frame);
    }, 200);
  }

  mark() {
    this.range.value = this.frame;
    const text = this.spec ? `${this.spec.labels?.[this.frame] ?? `${this.spec.name} ${this.frame}`}` : "";
    this.output.textContent = text;
    this.range.setAttribute("aria-valuetext", text);
    if (this.root.dataset.playing !== String(this.playing)) this.button.innerHTML = this.playing ? ICONS.pause : ICONS.play;
    this.button.setAttribute("aria-label", this.playing ? "Pause" : "Play");
    this.root.dataset.frame = this.frame;
    this.root.dataset.playing = this.playing;
  }
}

class Board {
  constructor(parent) {
    this.parent = parent;
    this.root = parent.querySelector(".lab-board") ?? parent.appendChild(document.createElement("div"));
    this.root.className = "lab-board";
    this.legend = this.root.appendChild(document.createElement("ul"));
    this.legend.className = "lab-legend";
    this.grid = this.root.appendChild(document.createElement("div"));
    this.grid.className = "lab-grid";
    this.panels = new Map();
    this.player = new Player(this);
    this.revision = 0;
    this.digest = null;
    this.root.addEventListener("keydown", (e) => {
      if (e.key === " " && !e.target.closest("button, select, input")) { e.preventDefault(); this.player.press("play"); }
    });
    // Theme and screen may change without a word from Python.
    this.watch = setInterval(() => this.checkLook(), 400);
    this.onSize = () => this.checkLook();
    window.addEventListener("resize", this.onSize);
  }

  // Reading the theme makes the browser lay out the page, so a painting takes what was read last.
  readLook() {
    this.dark = isDark(this.root);
    return `${this.dark}:${fontSize()}`;
  }

  checkLook() {
    if (!this.root.isConnected) return this.close();
    if (!this.spec || this.readLook() === this.drawnLook) return;
    this.paint();
  }

  receive(head, look, text) {
    this.head = head;
    this.root.dataset.scene = head.scene;
    this.root.dataset.live = head.live;
    if (head.digest === this.digest) {
      const was = this.player.frame;
      if (this.spec?.player) this.player.show({ ...this.spec.player, start: head.start }, false);
      if (this.player.frame !== was) this.draw(this.player.frame);
      return;
    }
    this.digest = head.digest;
    this.text = text;
    this.lookText = look;
    if (window.Plotly) this.paint();
    else loadPlotly(head.plotly).then(() => this.paint());
  }

  paint() {
    const fresh = !this.spec;
    if (fresh) this.readLook();
    this.drawnLook = `${this.dark}:${fontSize()}`;
    const { dark } = JSON.parse(this.lookText);
    const coloured = (text) => JSON.parse(this.dark ? swapColours(text, dark) : text);
    this.look = coloured(this.lookText);
    this.spec = coloured(this.text);
    this.revision += 1;
    this.legend.replaceChildren(...this.spec.legend.map(legendEntry));
    const keep = new Set(this.spec.panels.map((p) => p.id));
    for (const [id, panel] of this.panels) if (!keep.has(id)) { panel.close(); this.panels.delete(id); }
    let before = null;
    for (const spec of this.spec.panels) {
      let panel = this.panels.get(spec.id);
      if (!panel) this.panels.set(spec.id, (panel = new Panel(this)));
      // Moving a WebGL node in the document costs it its context: only touch the order when it is wrong.
      const wanted = before ? before.nextSibling : this.grid.firstChild;
      if (wanted !== panel.root) this.grid.insertBefore(panel.root, wanted);
      before = panel.root;
      panel.show(spec);
      if (spec === this.spec.panels[0] && this.player.root.parentElement !== panel.root) panel.plot.after(this.player.root);
    }
    for (const panel of this.panels.values()) panel.late = true;
    this.player.show(this.spec.player && { ...this.spec.player, start: this.head.start }, fresh);
    if (!this.player.playing) this.catchUp(0);
  }

  // Every picture that moves and is seen, at one frame of the film; the others follow when it stops.
  async draw(frame) {
    const moving = [...this.panels.values()].filter((p) => p.late || p.moving?.some(Boolean));
    for (const panel of moving) panel.late = true;
    await Promise.all(moving.filter((p) => p.visible).map((p) => p.draw(frame)));
    this.done(frame);
    if (!this.player.playing) this.catchUp(30);
  }

  // Draws what is out of date, one picture a turn so that each is painted before the next is begun: the first picture
  // first, then what is seen, then what is below the fold. A newer scene or frame starts the round again.
  async catchUp(pause) {
    const turn = (this.turn = (this.turn ?? 0) + 1);
    const rank = (p) => (p === this.first() ? 0 : p.visible ? 1 : 2);
    if (pause) await new Promise((then) => setTimeout(then, pause));
    for (;;) {
      if (turn !== this.turn || this.player.playing || !this.root.isConnected) return;
      const [panel] = [...this.panels.values()].filter((p) => p.late).sort((a, b) => rank(a) - rank(b));
      if (!panel) break;
      await panel.draw(this.player.frame);
      if (panel === this.first()) {
        this.done(this.player.frame);
        await nextFrame();  // the frame that shows it is on the screen before the next picture takes the thread
      }
      await nextFrame();
    }
    this.root.dataset.settled = this.digest;
  }

  first() { return this.panels.get(this.spec.panels[0].id); }

  // For tests and benchmarks: which scene and frame the first picture shows.
  done(frame) {
    this.root.dataset.drawn = this.digest;
    this.root.dataset.frame = frame;
  }

  click(place) { this.send("click", place); }
  settle(frame) { this.send("frame", { frame, at: Date.now() }); }

  close() {
    clearInterval(this.watch);
    window.removeEventListener("resize", this.onSize);
    for (const panel of this.panels.values()) panel.close();
    this.panels.clear();
    this.player.playing = false;
  }
}

export default function ({ parentElement, data, setTriggerValue }) {
  let board = boards.get(parentElement);
  if (!board) boards.set(parentElement, (board = new Board(parentElement)));
  board.send = setTriggerValue;
  const bytes = data instanceof Uint8Array ? data : new Uint8Array(data);
  const cut = bytes.indexOf(10);
  const decoder = new TextDecoder();
  const head = JSON.parse(decoder.decode(bytes.subarray(0, cut)));
  if (head.digest === board.digest) board.receive(head);
  else {
    const second = bytes.indexOf(10, cut + 1);
    board.receive(head, decoder.decode(bytes.subarray(cut + 1, second)), decoder.decode(bytes.subarray(second + 1)));
  }
  return () => setTimeout(() => {
    if (!parentElement.isConnected) { board.close(); boards.delete(parentElement); }
  }, 0);
}
