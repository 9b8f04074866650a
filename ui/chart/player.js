// The clock of a board: play, pause, step, scrub, speed.

import { reducedMotion } from "./tools.js";

export const icon = (path) => `<svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true"><path d="${path}" fill="currentColor"/></svg>`;
const ICONS = {
  play: icon("M4 2.5v11l9-5.5z"), pause: icon("M4 3h3v10H4zM9 3h3v10H9z"),
  back: icon("M3 3h2v10H3zM13 3v10L6 8z"), next: icon("M11 3h2v10h-2zM3 3v10l7-5z"),
};

export class Player {
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
    this.range.addEventListener("change", () => this.sendFrame());
    this.frame = 0;
    this.playing = false;
    this.autoplayPending = false;  // for startAutoplay()
  }

  get active() { return this.playing || (this.autoplayPending && !this.board.question.open); }

  press(what) {
    if (what === "play") this.active ? this.pause(true) : this.play();
    if (what === "back") { this.pause(); this.go(this.frame - 1); this.sendFrame(); }
    if (what === "next") { this.pause(); this.go(this.frame + 1); this.sendFrame(); }
  }

  // spec: {frames, labels, seconds, name, start, field, autoplay, live, from_start, opens}
  show(spec, fresh) {
    const atEnd = !this.spec || this.frame >= this.last;
    // Python's answer to our own message may come after the hand has moved on, whether or not that is told yet; it is no order
    // to go back.
    const moved = this.sendTimer || this.board.events.some(({ event }) => event === "frame");
    const started = spec?.start !== this.spec?.start && spec?.start !== this.sentFrame && !moved;
    const other = this.spec?.name !== spec?.name;  // another clock than before
    this.spec = spec;
    this.last = spec ? spec.frames - 1 : 0;
    this.root.hidden = !spec || spec.frames < 2;
    if (!spec) { this.pause(); this.frame = 0; return; }
    this.range.max = this.last;
    this.range.setAttribute("aria-label", spec.name);
    if (started && spec.start != null && !this.playing) this.frame = spec.start;
    else if (other && spec.opens) this.frame = spec.opens;
    else if (!spec.from_start && (spec.live || (atEnd && !this.playing))) this.frame = this.last;
    this.frame = Math.max(0, Math.min(this.frame, this.last));
    if (fresh && spec.autoplay && spec.start == null && !spec.live && !reducedMotion()) {
      this.frame = 0;
      this.autoplayPending = true;
    }
    this.update();
  }

  // Starts the opening film, once its first frame is on the screen and no question covers it. True where it does.
  startAutoplay() {
    if (!this.autoplayPending || this.board.question.open) return false;
    this.play();
    return true;
  }

  play() {
    this.autoplayPending = false;
    if (this.frame >= this.last) this.frame = 0;
    this.playing = true;
    this.update();
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

  pause(send) {
    const was = this.playing;
    this.playing = this.autoplayPending = false;
    this.update();
    if (was) this.board.drawOutdated(30);
    if (send && was) this.sendFrame();
  }

  go(frame) {
    this.frame = Math.max(0, Math.min(frame, this.last));
    this.update();
    return this.board.draw(this.frame);
  }

  // Where the position is itself a control of the lesson, Python and the link hear of it once the hand rests.
  sendFrame() {
    if (!this.spec?.field) return;
    clearTimeout(this.sendTimer);
    this.sendTimer = setTimeout(() => {
      this.sendTimer = null;
      this.sentFrame = this.frame;
      this.board.sendFrame(this.frame);
    }, 200);
  }

  update() {
    this.range.value = this.frame;
    const text = this.spec ? `${this.spec.labels?.[this.frame] ?? `${this.spec.name} ${this.frame}`}` : "";
    this.output.textContent = text;
    this.range.setAttribute("aria-valuetext", text);
    const { active } = this;
    if (this.root.dataset.playing !== String(active)) this.button.innerHTML = active ? ICONS.pause : ICONS.play;
    this.button.setAttribute("aria-label", active ? "Pause" : "Play");
    this.root.dataset.frame = this.frame;
    this.root.dataset.playing = active;
  }
}
