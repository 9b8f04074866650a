// One picture with its title and caption. What is drawn in `plot` is a view of the picture's kind: a class in kinds/ with
//
//   show(spec)     a new picture, or the same in another theme; draws nothing yet. spec: what Python sent for the panel, and
//                  `numbers`, the bytes of its arrays
//   draw(frame)    draws it at that frame of the film; may return a promise
//   close()        lets go of what it holds outside of its node
//
// and, where what kinds/kind.js has for all does not do,
//
//   moving         whether another frame is another picture
//   resize()       the node has another size
//   svg(w, h)      the picture as it stands, as an SVG element that needs nothing of the page
//   rows()         its numbers for CSV, a line of names first
//   saves          {picture, numbers}: which of the two there is
//
// A view tells Python what a reader does through panel.click(place) and panel.tell(event, value). The board, the player,
// exports, comparison and lecture mode know panels and these methods only.

import { ImageGrid } from "./kinds/grid.js";
import { NetworkDiagram } from "./kinds/network.js";
import { PlotlyFigure } from "./kinds/plotly.js";
import { PointsPad } from "./kinds/points.js";
import { RasterPad } from "./kinds/raster.js";
import { TextTable } from "./kinds/table.js";
import { make } from "./tools.js";

const KINDS = { plotly: PlotlyFigure, grid: ImageGrid, network: NetworkDiagram, points: PointsPad, raster: RasterPad, table: TextTable };

export class Panel {
  constructor(board) {
    this.board = board;
    this.root = make("figure", "lab-panel");
    this.title = this.root.appendChild(make("div", "lab-title"));
    this.caption = this.root.appendChild(make("figcaption"));
    this.size = new ResizeObserver(() => { if (this.drawn) this.view.resize(); });
    this.visible = true;
    this.seen = new IntersectionObserver((entries) => {
      this.visible = entries.at(-1).isIntersecting;
      if (this.visible && this.late && this.board.spec) this.board.catchUp(0);
    }, { rootMargin: "50px" });
  }

  // The node and its view live until the panel is closed or shows another kind: what Plotly has drawn cannot be moved to another.
  become(kind) {
    if (this.view) this.leave();
    this.plot = make("div", "lab-plot");
    this.plot.dataset.kind = kind;
    // Not "img": Plotly's own buttons live inside and must be reached.
    this.plot.setAttribute("role", "group");
    this.plot.setAttribute("aria-roledescription", "picture");
    this.caption.before(this.plot);
    this.size.observe(this.plot);
    this.seen.observe(this.plot);
    this.drawn = false;
    this.view = new KINDS[kind](this);
  }

  leave() {
    this.size.unobserve(this.plot);
    this.seen.unobserve(this.plot);
    this.view.close();
    this.plot.remove();
  }

  show(spec) {
    if (spec.kind !== this.spec?.kind) this.become(spec.kind);
    this.spec = spec;
    this.worded = false;
    this.view.show(spec);
    this.root.dataset.panel = spec.id;
    this.root.dataset.height = spec.height;
    this.root.style.setProperty("--span", spec.span);
    this.root.style.setProperty("--rows", spec.rows);
    if (!this.drawn) this.words();  // a page that opens has its words in place
  }

  // Words and picture change together.
  words() {
    this.worded = true;
    this.title.textContent = this.spec.title;
    this.caption.innerHTML = this.spec.caption;
    this.plot.setAttribute("aria-label", this.spec.alt.replaceAll("**", ""));
    this.plot.classList.toggle("lab-clickable", Boolean(this.spec.click));
  }

  get moving() { return this.view.moving; }

  // The frame of the picture at a frame of the board's clock, which may be that of another scene.
  clocked(frame) { return this.spec.clock?.[frame] ?? frame; }

  async draw(frame) {
    this.late = false;
    if (!this.worded) this.words();
    await this.view.draw(this.clocked(frame));
    this.drawn = true;
  }

  // place: the numbers that Python puts into the fields that a click in this picture sets.
  click(place) { if (this.spec.click) this.board.click({ panel: this.spec.id, place }); }
  tell(event, value) { this.board.send(event, { panel: this.spec.id, ...value, at: Date.now() }); }

  close() {
    this.seen.disconnect();
    this.size.disconnect();
    this.view?.close();
    this.root.remove();
  }
}
