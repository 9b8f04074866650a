// A board of linked Plotly pictures with one clock. See __init__.py for what Python sends.
// Only the newest spec is ever drawn.

const boards = new WeakMap();

class Board {
  constructor(parent) {
    this.parent = parent;
    this.root = parent.querySelector(".lab-board") ?? parent.appendChild(document.createElement("div"));
    this.root.className = "lab-board";
    this.panels = new Map();
    this.order = [];
    this.player = new Player(this);
    this.present = new Present(this);
    this.bar = new Bar(this);
    this.ask = new Ask(this);
    this.connection = new Connection(this);
    this.notices = make("div", "lab-notices");
    this.notices.setAttribute("role", "status");
    this.exports = new Exports(this);
    this.bar.actions.append(this.exports.share.root);
    this.legend = make("ul", "lab-legend");
    this.grid = make("div", "lab-grid");
    const stage = make("div", "lab-stage");
    stage.append(this.legend, this.grid, this.ask.cover);
    this.root.append(this.notices, this.connection.root, this.present.root, this.bar.root, this.ask.line, stage);
    this.revision = 0;
    this.digest = null;
    this.root.addEventListener("keydown", (e) => {
      if (e.key === " " && !this.present.on && !e.target.closest("button, select, input, a")) { e.preventDefault(); this.player.press("play"); }
    });
    // Theme and screen may change without a word from Python.
    this.watch = setInterval(() => this.checkLook(), 400);
    this.onSize = () => this.checkLook();
    window.addEventListener("resize", this.onSize);
  }

  // Reading the theme makes the browser lay out the page, so a painting takes what was read last.
  readLook() {
    this.dark = isDark(this.root);
    this.family = getComputedStyle(this.root).fontFamily;
    return `${this.dark}:${fontSize()}`;
  }

  checkLook() {
    if (!this.root.isConnected) return this.close();
    if (!this.spec || this.readLook() === this.drawnLook) return;
    this.paint();
  }

  // look: text; now, kept: { text, numbers }, the second where two scenes are compared.
  receive(head, look, now, kept) {
    const fresh = !this.head;
    this.head = head;
    this.root.dataset.scene = head.scene;
    this.root.dataset.live = head.live;
    this.connection.answered(head.alive);
    this.tell(head.notices ?? []);
    this.present.show(head.present);
    this.bar.show(head);
    this.ask.show(head, fresh);
    if (head.digest === this.digest) {
      const was = this.player.frame;
      if (this.spec?.player) this.player.show({ ...this.spec.player, start: head.start }, false);
      if (this.player.frame !== was) this.draw(this.player.frame);
      return;
    }
    this.digest = head.digest;
    this.sent = { look, now, kept };
    if (window.Plotly) this.paint();
    else loadPlotly(head.plotly).then(() => this.paint());
  }

  // What was wrong with a link or a field. It may quote what somebody typed, so it is text and nothing else.
  tell(notices) {
    if (JSON.stringify(notices) === this.told) return;
    this.told = JSON.stringify(notices);
    this.notices.replaceChildren(...notices.map((notice) => make("p", "lab-notice", notice)));
  }

  paint() {
    const fresh = !this.spec;
    if (fresh) this.readLook();
    this.drawnLook = `${this.dark}:${fontSize()}`;
    const { look, now, kept } = this.sent;
    const { dark } = JSON.parse(look);
    const coloured = (text) => JSON.parse(this.dark ? swapColours(text, dark) : text);
    const spec = ({ text, numbers }) => {
      const one = coloured(text);
      for (const panel of [...one.panels, one.setup]) if (panel) panel.numbers = numbers;
      return one;
    };
    this.look = coloured(look);
    this.spec = spec(now);
    this.order = this.spec.panels.map((p) => p.id);
    if (kept) this.spec.panels = paired(this.spec, spec(kept));
    this.revision += 1;
    this.legend.replaceChildren(...this.spec.legend.map(legendEntry));
    const keep = new Set(this.spec.panels.map((p) => p.id));
    for (const [id, panel] of this.panels) if (!keep.has(id)) { panel.close(); this.panels.delete(id); }
    let before = null;
    for (const spec of this.spec.panels) {
      let panel = this.panels.get(spec.id);
      if (!panel) { this.panels.set(spec.id, (panel = new Panel(this))); this.exports.add(panel); }
      // Moving a WebGL node in the document costs it its context: only touch the order when it is wrong.
      let wanted = before ? before.nextSibling : this.grid.firstChild;
      if (wanted === this.player.root) wanted = wanted.nextSibling;
      if (wanted !== panel.root) this.grid.insertBefore(panel.root, wanted);
      before = panel.root;
      panel.show(spec);
      if (spec.mate) panel.root.dataset.mate = spec.mate; else delete panel.root.dataset.mate;
    }
    for (const panel of this.panels.values()) { panel.late = true; panel.mate = this.panels.get(panel.spec.mate); }
    this.arrange();
    this.ask.paint();
    this.player.show(this.spec.player && { ...this.spec.player, start: this.head.start }, fresh);
    if (!this.player.playing) this.catchUp(0);
  }

  // In lecture mode one picture has the screen to itself, or a pair of them.
  arrange() {
    const chosen = this.present.panel();
    this.present.tell();
    for (const [id, panel] of this.panels) {
      const shown = !this.present.on || id === chosen || panel.spec.mate === chosen;
      if (panel.root.hidden === !shown) continue;
      panel.root.hidden = !shown;
      panel.late = true;
    }
    const stand = this.panels.get(this.present.on ? chosen : this.order[0]);
    // Below its picture, or below a pair of them.
    const above = stand?.mate ? stand.root : stand?.plot;
    if (above && above.nextSibling !== this.player.root) above.after(this.player.root);
  }

  revealed() {
    if (this.player.ready) { this.player.ready = false; this.player.play(); }
  }

  // Every picture that moves and is seen, at one frame of the film; the others follow when it stops.
  async draw(frame) {
    delete this.root.dataset.settled;
    const moving = [...this.panels.values()].filter((p) => !p.root.hidden).filter((p) => p.late || p.moving?.some(Boolean));
    for (const panel of moving) panel.late = true;
    await Promise.all(moving.filter((p) => p.visible).map((p) => p.draw(frame)));
    this.done(frame);
    if (!this.player.playing) this.catchUp(30);
  }

  // Draws what is out of date, one picture a turn so that each is painted before the next is begun: the first picture
  // first, then what is seen, then what is below the fold. A newer scene or frame starts the round again.
  async catchUp(pause) {
    delete this.root.dataset.settled;
    const turn = (this.turn = (this.turn ?? 0) + 1);
    const rank = (p) => (p === this.first() ? 0 : p.visible ? 1 : 2);
    if (pause) await new Promise((then) => setTimeout(then, pause));
    for (;;) {
      if (turn !== this.turn || this.player.playing || !this.root.isConnected) return;
      const [panel] = [...this.panels.values()].filter((p) => p.late && !p.root.hidden).sort((a, b) => rank(a) - rank(b));
      if (!panel) break;
      await panel.draw(this.player.frame);
      if (panel === this.first()) {
        this.done(this.player.frame);
        await nextFrame();  // the frame that shows it is on the screen before the next picture takes the thread
      }
      await nextFrame();
    }
    if (!this.panels.size) this.done(0);  // nothing could be drawn, and the words say so
    this.root.dataset.settled = this.digest;
  }

  first() { return this.panels.get(this.present.on ? this.present.panel() : this.order[0]); }

  // For tests and benchmarks: which scene and frame the first picture shows; `settled` once all the others show it too.
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
    this.ask.setup.close();
    this.connection.close();
    this.player.playing = false;
    this.present.close();
    if (!document.querySelector(".lab-covered")) document.documentElement.classList.remove("lab-asking");
  }
}

// A line of JSON, then the parts whose lengths it tells: the look, and one or two boards, each a line of JSON and its arrays.
function receive(board, bytes) {
  const decoder = new TextDecoder();
  const cut = bytes.indexOf(10);
  const head = JSON.parse(decoder.decode(bytes.subarray(0, cut)));
  // What the browser has already need not be read again.
  if (head.digest === board.digest) return board.receive(head);
  let end = cut + 1;
  const [look, now, kept] = head.lengths.map((length) => bytes.subarray(end, (end += length)));
  // The copy of the arrays begins where a number of eight bytes may begin.
  const opened = (part) => {
    const line = part.indexOf(10);
    return { text: decoder.decode(part.subarray(0, line)), numbers: part.slice(line + 1).buffer };
  };
  board.receive(head, decoder.decode(look), opened(now), kept && opened(kept));
}

export default function ({ parentElement, data, setTriggerValue }) {
  let board = boards.get(parentElement);
  if (!board) boards.set(parentElement, (board = new Board(parentElement)));
  board.send = setTriggerValue;
  receive(board, data instanceof Uint8Array ? data : new Uint8Array(data));
  return () => setTimeout(() => {
    if (!parentElement.isConnected) { board.close(); boards.delete(parentElement); }
  }, 0);
}
