// One picture with its title and caption. What is drawn in `plot` is a view of the picture's kind: a class in kinds/ with
//
//   show(figure, numbers)   another figure, or the same in another theme, as Python wrote it, and the bytes of its arrays
//   draw(frame)             draws it at that frame of the film; may return a promise
//   close()                 lets go of what it holds outside of its node
//
// and, where what kinds/kind.js has for all does not do,
//
//   prepare()      a new spec has come, whose figure is shown when it is the picture's turn
//   resize()       the node has another size
//   svg(w, h)      the picture as it stands, as an SVG element that needs nothing of the page
//   rows()         its numbers for CSV, a line of names first
//   saves          {picture, numbers}: which of the two there is
//
// A view tells Python what a reader does through panel.click(place) and panel.send(event, value). The board, the player,
// exports, comparison and lecture mode know panels and these methods only.

import { followLesson } from "./follow.js";
import { ImageGrid } from "./kinds/grid.js";
import { NetworkDiagram } from "./kinds/network.js";
import { PlotlyFigure } from "./kinds/plotly.js";
import { PointsPad } from "./kinds/points.js";
import { RasterPad } from "./kinds/raster.js";
import { TextTable } from "./kinds/table.js";
import { partOf } from "./parts.js";
import { legendEntry, make } from "./tools.js";

const KINDS = { plotly: PlotlyFigure, grid: ImageGrid, network: NetworkDiagram, points: PointsPad, raster: RasterPad, table: TextTable };

export class Panel {
  constructor(board) {
    this.board = board;
    this.root = make("figure", "lab-panel");
    this.root.addEventListener("click", followLesson);
    this.title = this.root.appendChild(make("div", "lab-title"));
    this.key = this.root.appendChild(make("ul", "lab-key"));
    this.foot = this.root.appendChild(make("div", "lab-foot"));
    this.caption = this.foot.appendChild(make("figcaption"));
    this.resizeObserver = new ResizeObserver((entries) => {
      if (!this.drawn) return;
      this.placeButtons();  // a title or a key that takes another number of lines moves the picture, whose size stays
      if (!entries.some(({ target }) => target === this.plot)) return;
      this.view.resize();
      // A key that now takes another number of lines needs another room in the picture.
      if (this.keyHeight && this.key.offsetHeight !== this.keyHeight) {
        this.outdated = true;
        board.drawOutdated(0);
      }
    });
    this.resizeObserver.observe(this.root);
    this.visible = true;
    this.intersectionObserver = new IntersectionObserver((entries) => {
      this.visible = entries.at(-1).isIntersecting;
      if (this.visible && this.outdated && this.board.spec && !this.board.drawing) this.board.drawOutdated(0);
    }, { rootMargin: "50px" });
  }

  // Node and view live until the panel is closed or shows another kind: zoom, camera and focus stay with them.
  setKind(kind) {
    if (this.view) this.removeView();
    this.plot = make("div", "lab-plot");
    this.plot.dataset.kind = kind;
    // Not "img": Plotly's own buttons live inside and must be reached.
    this.plot.setAttribute("role", "group");
    this.plot.setAttribute("aria-roledescription", "picture");
    this.foot.before(this.plot);
    this.resizeObserver.observe(this.plot);
    this.intersectionObserver.observe(this.plot);
    this.drawn = false;
    this.unpacked = this.shown = this.shownText = null;
    this.view = new KINDS[kind](this);
  }

  removeView() {
    this.resizeObserver.unobserve(this.plot);
    this.intersectionObserver.unobserve(this.plot);
    this.view.close();
    this.plot.remove();
  }

  show(spec) {
    if (spec.kind !== this.spec?.kind) this.setKind(spec.kind);
    this.spec = spec;
    const same = spec.part === this.unpacked?.part;
    this.part = partOf(spec.part);  // kept from here on, as long as it may be drawn
    this.view.prepare();
    this.entries = spec.entries;
    this.root.dataset.panel = spec.id;
    this.root.dataset.height = spec.height;
    this.root.style.setProperty("--span", spec.span);
    this.root.style.setProperty("--rows", spec.rows);
    if (!this.drawn || same) this.updateText();  // a page that opens has its words in place
  }

  updateText() {
    const { title, caption, alt, click } = this.spec;
    const now = JSON.stringify([title, caption, alt, click, this.entries]);
    if (now === this.shownText) return;
    this.shownText = now;
    this.title.textContent = this.spec.title;
    this.caption.innerHTML = this.spec.caption;
    this.key.replaceChildren(...this.entries.map(legendEntry));
    this.plot.setAttribute("aria-label", this.spec.alt.replaceAll("**", ""));
    this.plot.classList.toggle("lab-clickable", Boolean(this.spec.click));
  }

  // Left until the picture's turn to be drawn: the first one does not wait for the others, and words and picture change together.
  unpack() {
    this.updateText();
    const { part, unpacked, board: { drawnLook } } = this;
    if (unpacked?.part === this.spec.part && unpacked.look === drawnLook) return;
    this.unpacked = { part: this.spec.part, look: drawnLook };
    this.view.show(this.board.coloured(part.text), part.numbers);
  }

  // The frame of the picture at a frame of the board's clock, which may be that of another scene.
  ownFrame(frame) { return this.spec.clock?.[frame] ?? frame; }

  // What is to be seen at a frame; where it is the same, there is nothing to draw.
  stateAt(frame) {
    const { part, mate, moves } = this.spec;
    // One of a pair takes part in what the other one's axes show.
    return [part, this.board.drawnLook, mate && this.board.revision, moves ? this.ownFrame(frame) : ""].join();
  }

  // Plotly's buttons stand beside the menu, in the last line of the title, above the key.
  placeButtons() {
    const { offsetTop } = this.root.querySelector(".lab-menu") ?? this.root.firstChild;
    this.plot.style.setProperty("--up", `${this.plot.offsetTop - offsetTop}px`);
  }

  // On the wall the key stands inside the picture, which leaves room for it at its top.
  placeKey() {
    const inside = this.board.lecture.on && this.entries.length > 0;
    if (inside && this.key.parentNode !== this.plot) this.plot.append(this.key);
    if (!inside && this.key.parentNode !== this.root) this.plot.before(this.key);
    this.keyHeight = inside ? this.key.offsetHeight : 0;
  }

  async draw(frame) {
    const state = this.stateAt(frame);
    this.outdated = false;
    this.unpack();
    this.placeKey();
    await this.view.draw(this.ownFrame(frame));
    if (!this.drawn) this.placeButtons();
    this.drawn = true;
    this.shown = state;
  }

  // place: the numbers that Python puts into the fields that a click in this picture sets.
  click(place) { if (this.spec.click) this.board.sendClick({ panel: this.spec.id, place }); }
  send(event, value) { this.board.send(event, { panel: this.spec.id, ...value }); }

  close() {
    this.intersectionObserver.disconnect();
    this.resizeObserver.disconnect();
    this.view?.close();
    this.root.remove();
  }
}
