// A board of linked Plotly pictures with one clock. See __init__.py for what Python sends.
// Only the newest spec is ever drawn.

import { Question } from "./question.js";
import { Toolbar } from "./toolbar.js";
import { paired } from "./compare.js";
import { Connection } from "./connection.js";
import { Exports } from "./export.js";
import { Further, markKeys, rowsOf } from "./rows.js";
import { Panel } from "./panel.js";
import { figuresOf, opened, partOf } from "./parts.js";
import { Player } from "./player.js";
import { Lecture } from "./lecture.js";
import { onPhone, PhoneControls } from "./phone.js";
import { fontSize, isDark, loadPlotly, make, nextFrame, swapColours } from "./tools.js";

const boards = new WeakMap();
const FRAME = 16;  // milliseconds of drawing before the browser shows what has been drawn
const PAUSE = 1000;  // milliseconds between two drawings of a picture that is not the first, while a run is under way
const OVERDUE = 2000;  // after so many it has a turn before the first
const TOO_OLD = "This browser is too old to show the pictures: Chrome from 80, Firefox from 113 and Safari from 16.4 do.";
const LACKING = 1500;  // milliseconds until the parts that are missing are asked for again

export class Board {
  constructor(parent) {
    this.parent = parent;
    this.root = parent.querySelector(".lab-board") ?? parent.appendChild(document.createElement("div"));
    this.root.className = "lab-board";
    this.root.replaceChildren();  // of a board that was closed
    this.panels = new Map();
    this.order = [];
    this.player = new Player(this);
    this.lecture = new Lecture(this);
    this.toolbar = new Toolbar(this);
    this.question = new Question(this);
    this.connection = new Connection(this);
    this.notices = make("div", "lab-notices");
    this.notices.setAttribute("role", "status");
    this.exports = new Exports(this);
    this.toolbar.actions.append(this.exports.share.root);
    this.further = new Further(this);
    this.phone = new PhoneControls(this);
    this.grid = make("div", "lab-grid");
    const stage = make("div", "lab-stage");
    stage.append(this.grid, this.question.cover);
    this.root.append(this.notices, this.connection.root, this.lecture.root, this.toolbar.root, this.question.verdictLine, stage);
    this.revision = 0;
    this.digest = null;
    this.waiting = [];  // messages
    this.events = [];  // that Python has not answered
    this.sendEvents = () => {};  // until there is a message
    this.root.addEventListener("keydown", (e) => {
      if (e.key === " " && !this.lecture.on && !e.target.closest("button, select, input, a")) { e.preventDefault(); this.playOrPause(); }
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

  // A message, which takes a moment to open. Those that came meanwhile are opened together, as any of them may hold parts that
  // a later one speaks of, and the newest is received. While Streamlit 1.67 loads the component for the first time messages wait
  // for it, and are handed over in no certain order.
  async take(message, sendEvents) {
    if (!window.DecompressionStream) return this.showNotices([TOO_OLD]);
    this.waiting.push([message, sendEvents]);
    if (this.opening) return;
    this.opening = true;
    try {
      while (this.waiting.length) {
        const heads = await Promise.all(this.waiting.splice(0).map(async ([bytes, send]) => [await opened(bytes), send]));
        if (this.closed) return;
        const [head, send] = heads.reduce((newest, other) => (precedes(other[0], newest[0]) ? newest : other));
        if (!precedes(head, this.head)) {
          this.sendEvents = send;  // an older one would be of a fragment that may be gone
          this.receive(head);
        } else if (this.head.digest !== this.digest) this.receive(this.head);  // the parts that it lacked may have come
      }
    } finally {
      this.opening = false;
    }
  }

  // head.look names a part; head.now, and head.kept where two scenes are compared, those of a board and its further pictures.
  receive(head) {
    const fresh = !this.head;
    clearInterval(this.lacking);
    this.head = head;
    this.root.dataset.scene = head.scene;
    this.root.dataset.live = head.live;
    this.root.classList.toggle("lab-watched", Boolean(head.watched));
    this.events = this.events.filter((event) => event.at > head.handled);
    this.connection.answered(head.handled, head.session);
    this.showNotices(head.notices ?? []);
    this.lecture.show(head.lecture);
    this.toolbar.show(head);
    this.question.show(head, fresh);
    if (head.digest === this.digest) {
      const was = this.player.frame;
      if (this.spec?.player) this.player.show({ ...this.spec.player, start: head.start }, false);
      if (this.player.frame !== was) this.draw(this.player.frame);
      else if (!head.live && this.spec && this.isOutdated() && !this.player.playing) this.drawOutdated(0);
      return;
    }
    const textOf = (digest) => partOf(digest)?.text;
    const sent = { look: textOf(head.look), now: head.now.map(textOf), kept: head.kept.map(textOf) };
    if (!complete(sent)) {
      this.root.dataset.live = true;  // more is to come
      this.lacking = setInterval(() => this.send("missing"), LACKING);
      return this.send("missing");
    }
    this.digest = head.digest;
    this.sent = sent;
    if (window.Plotly) this.paint();
    else loadPlotly(head.plotly).then(() => this.paint());
  }

  // What was wrong with a link or a field. It may quote what somebody typed, so it is text and nothing else.
  showNotices(notices) {
    if (JSON.stringify(notices) === this.noticesText) return;
    this.noticesText = JSON.stringify(notices);
    this.notices.replaceChildren(...notices.map((notice) => make("p", "lab-notice", notice)));
  }

  paint() {
    const fresh = !this.spec;
    if (fresh) this.readLook();
    this.drawnLook = `${this.dark}:${fontSize()}`;
    const { look, now, kept } = this.sent;
    this.darkColours = JSON.parse(look).dark;
    this.look = this.coloured(look);
    this.spec = this.boardOf(now);
    this.order = this.spec.panels.map((p) => p.id);
    if (kept.length) this.spec.panels = paired(this.spec, this.boardOf(kept));
    this.revision += 1;
    const keep = new Set(this.spec.panels.map((p) => p.id));
    for (const [id, panel] of this.panels) if (!keep.has(id)) { panel.close(); this.panels.delete(id); }
    for (const spec of this.spec.panels) {
      let panel = this.panels.get(spec.id);
      if (!panel) { this.panels.set(spec.id, (panel = new Panel(this))); this.exports.addMenu(panel); }
      panel.show(spec);
      if (spec.mate) panel.root.dataset.mate = spec.mate; else delete panel.root.dataset.mate;
    }
    this.further.show(this.spec);
    markKeys([...this.panels.values()], this.spec.panels);
    this.place();
    this.player.show(this.spec.player && { ...this.spec.player, start: this.head.start }, fresh);
    for (const panel of this.panels.values()) {
      panel.mate = this.panels.get(panel.spec.mate);
      panel.outdated ||= panel.shown !== panel.stateAt(this.player.frame);
    }
    this.arrange();
    this.question.drawSetup();
    if (!this.player.playing) this.drawOutdated(0);
  }

  // One board of its part and that of its further pictures.
  boardOf([text, more]) {
    const board = this.coloured(text);
    if (more) board.panels.push(...this.coloured(more).panels.map((panel) => ({ ...panel, further: true })));
    for (const panel of [...board.panels, board.setup].filter(Boolean)) panel.entries = panel.keys.map((i) => board.legend[i]);
    return board;
  }

  // Puts the pictures in their order. Moving a WebGL node in the document costs it its context, so none is where it need not be.
  place() {
    const specs = this.spec.panels;
    const nodes = (which) => specs.filter(which).map((spec) => this.panels.get(spec.id).root);
    let at = this.grid.firstChild;
    for (const node of [...nodes((spec) => !spec.further), this.further.root, ...nodes((spec) => spec.further)]) {
      if (at === this.player.root) at = at.nextSibling;
      if (at === node) at = at.nextSibling;
      else this.grid.insertBefore(node, at);
    }
  }

  // A part's text as what it says, in the colours of the theme that is on.
  coloured(text) { return JSON.parse(this.dark ? swapColours(text, this.darkColours) : text); }

  // In lecture mode one picture has the screen to itself, or a pair of them.
  arrange() {
    const chosen = this.lecture.panelIds();
    this.lecture.showPosition();
    for (const [id, panel] of this.panels) {
      const shown = !this.lecture.on || chosen.includes(id) || panel.spec.mate === chosen[0];
      panel.root.dataset.shares = panel.spec.mate ? 2 : chosen.length;
      if (panel.root.hidden === !shown) continue;
      panel.root.hidden = !shown;
      panel.outdated = true;
    }
    const stand = this.panels.get(this.lecture.on ? chosen[0] : this.order[0]);
    // Below its picture, or below a pair of them.
    const above = this.lecture.on || stand?.mate ? stand : this.lastOfNarrowRow();
    if (above) {
      if (above.root.nextSibling !== this.player.root) above.root.after(this.player.root);
    } else if (stand && stand.foot.firstChild !== this.player.root) stand.foot.prepend(this.player.root);
    this.phone.place(stand);
  }

  // A picture that is a third of the row or less has no room for the player, which then stands below the row.
  lastOfNarrowRow() {
    const [row] = rowsOf(this.spec.panels);
    return !onPhone() && row?.length > 2 && row[0].rows === 1 && row[0].span <= 4 ? this.panels.get(row.at(-1).id) : null;
  }

  questionClosed() {
    this.player.startAutoplay();
  }

  // Every picture that moves and is seen, at one frame of the film; the others follow when it stops.
  async draw(frame) {
    delete this.root.dataset.settled;
    const moving = [...this.panels.values()].filter((p) => !p.root.hidden).filter((p) => p.outdated || p.spec.moves);
    for (const panel of moving) panel.outdated = true;
    await Promise.all(moving.filter((p) => p.visible).map((p) => p.draw(frame)));
    this.markDrawn(frame);
    if (!this.player.playing) this.drawOutdated(30);
  }

  // Draws what is out of date, one picture a turn so that each is painted before the next is begun: the first picture
  // first, then what is seen, then what is below the fold, which an opening film does not wait for. A newer scene or frame
  // starts the round again.
  async drawOutdated(pause) {
    delete this.root.dataset.settled;
    const round = (this.round = (this.round ?? 0) + 1);
    this.drawing = true;
    try {
      if (pause) await new Promise((then) => setTimeout(then, pause));
      await this.drawInTurn(() => round !== this.round || this.player.playing || !this.root.isConnected);
    } finally {
      if (round === this.round) this.drawing = false;
    }
  }

  async drawInTurn(stopped) {
    // Where pictures come faster than this browser can draw them, every second turn is for one that has waited too long.
    const overdue = (p) => this.head.live && this.last === this.first() && p.visible && performance.now() - p.drawn > OVERDUE;
    const rank = (p) => (p === this.first() ? 0 : overdue(p) ? -1 : p.visible ? 1 : 2);
    // While a run is under way the first picture follows it; the others are drawn now and then, and when it is over.
    const waits = (p) => this.head.live && p !== this.first() && performance.now() - p.drawn < (this.head.pause ?? PAUSE);
    const due = () => [...this.panels.values()].filter((p) => p.outdated && !p.root.hidden && !waits(p));
    const { frame } = this.player;
    if (!stopped() && this.first()?.shown === this.first()?.stateAt(frame)) this.markDrawn(frame);  // it is the same in this scene
    let begun = performance.now();
    for (;;) {
      if (stopped()) return;
      const [panel] = due().sort((a, b) => rank(a) - rank(b) || a.drawn - b.drawn);
      if ((!panel || rank(panel) === 2) && this.player.startAutoplay()) return;
      if (!panel) break;
      this.last = panel;
      await panel.draw(this.player.frame);
      panel.drawn = performance.now();
      if (panel === this.first() && !stopped()) {
        this.markDrawn(this.player.frame);
        await nextFrame();  // the frame that shows it is on the screen before the next picture takes the thread
      }
      if (performance.now() - begun < FRAME) continue;
      await nextFrame();
      begun = performance.now();
    }
    this.markDrawn(this.player.frame);
    if (!this.isOutdated()) this.root.dataset.settled = this.digest;
  }

  // Whether a picture that is shown is out of date.
  isOutdated() { return [...this.panels.values()].some((panel) => panel.outdated && !panel.root.hidden); }

  first() { return this.panels.get(this.lecture.on ? this.lecture.panelIds()[0] : this.order[0]); }

  // For tests and benchmarks: which scene and frame the first picture shows; `settled` once all the others show it too.
  markDrawn(frame) {
    this.root.dataset.drawn = this.digest;
    this.root.dataset.frame = frame;
  }

  // Tells Python what the reader has done. Of two messages that a run finds waiting Streamlit hands on the newer alone, so each
  // holds all events that have not been answered; `at` tells them apart. Returns it.
  send(event, value = {}) {
    const at = Math.max(Date.now(), 1 + Math.max(this.lastEvent ?? 0, this.head?.handled ?? 0));  // a clock may be put back
    this.lastEvent = at;
    this.events.push({ event, at, ...value });
    this.sendEvents([...this.events]);
    return at;
  }

  // The film, or the run of a page whose run Python plays.
  playOrPause() {
    if (this.head?.watched) this.send("play");
    else if (this.spec?.player) this.player.press("play");
  }

  sendClick(place) { this.send("click", place); }
  sendFrame(frame) { this.send("frame", { frame }); }

  close() {
    this.closed = true;
    clearInterval(this.watch);
    clearInterval(this.lacking);
    window.removeEventListener("resize", this.onSize);
    for (const panel of this.panels.values()) panel.close();
    this.panels.clear();
    this.question.setup.close();
    this.connection.close();
    this.player.playing = false;
    this.lecture.close();
    this.phone.close();
    if (!document.querySelector(".lab-covered")) document.documentElement.classList.remove("lab-question-open");
  }
}

// Whether a message was made before another of the same session.
function precedes(head, other) { return head.session === other?.session && head.number < other?.number; }

// Whether all is here that a message speaks of.
function complete({ look, now, kept }) {
  return Boolean(look) && [...now, ...kept].every((text) => text && figuresOf(text).every(partOf));
}

export default function ({ parentElement, data, setTriggerValue }) {
  let board = boards.get(parentElement);
  if (!board || board.closed) boards.set(parentElement, (board = new Board(parentElement)));
  board.take(data instanceof Uint8Array ? data : new Uint8Array(data), (events) => setTriggerValue("events", events));
  return () => setTimeout(() => {
    if (!parentElement.isConnected) { board.close(); boards.delete(parentElement); }
  }, 0);
}
