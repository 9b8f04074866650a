// On a phone the page's main controls stand below the first picture, where a thumb finds them and the eye sees what they do.
// They stay where they are in the document, which is React's, and are laid over a gap that is left for them.

import { make } from "./tools.js";

const MAIN = ".st-key-main-controls";
const NARROW = window.matchMedia("(max-width: 40rem)");
export const onPhone = () => NARROW.matches;

export class PhoneControls {
  constructor(board) {
    this.board = board;
    this.gap = make("div", "lab-controls-gap");
    this.observer = new ResizeObserver(() => this.lay());
    this.observer.observe(board.root);
    this.onChange = () => { if (board.spec) board.arrange(); };
    NARROW.addEventListener("change", this.onChange);
  }

  // stand: the panel that the player stands in.
  place(stand) {
    if (stand && this.gap.parentNode !== stand.foot) stand.caption.before(this.gap);
    this.lay();
  }

  lay() {
    const controls = document.querySelector(MAIN);
    const { lecture, question, root } = this.board;
    const moved = Boolean(controls) && NARROW.matches && !lecture.on && !question.open && root.isConnected;
    document.documentElement.classList.toggle("lab-phone-controls", moved);
    if (controls && controls !== this.controls) {
      if (this.controls) this.observer.unobserve(this.controls);
      this.observer.observe(controls);
      this.controls = controls;
    }
    this.gap.style.height = moved ? `${controls.offsetHeight}px` : "";
    if (!controls) return;
    const frame = controls.offsetParent?.getBoundingClientRect();
    controls.style.top = moved && frame ? `${this.gap.getBoundingClientRect().top - frame.top}px` : "";
  }

  close() {
    this.observer.disconnect();
    NARROW.removeEventListener("change", this.onChange);
    document.documentElement.classList.remove("lab-phone-controls");
  }
}
