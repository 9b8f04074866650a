// The connection to the server. Where it breaks, the page says so; where it returns to a server that has forgotten this
// reader (it was started anew, or keeps a reader who is gone for two minutes only), no control would do anything any
// more, so the page is opened again at its link, which holds the scene that is shown.

import { make } from "./tools.js";

const ANSWER = 3000;  // milliseconds in which a server that knows the reader answers, unless it is at work on something
const ASLEEP = 60000;  // a page hidden for longer may have lost its connection without a word

export class Connection {
  constructor(board) {
    this.board = board;
    this.root = make("p", "lab-notice", "The connection to the server is lost. The page comes back by itself as soon as it can.");
    this.root.setAttribute("role", "status");
    this.root.hidden = true;
    this.app = document.querySelector("[data-test-connection-state]");  // Streamlit's; none in a saved file
    this.wasConnected = this.connected();
    this.watch = new MutationObserver(() => this.onState());
    if (this.app) this.watch.observe(this.app, { attributes: true, attributeFilter: ["data-test-connection-state"] });
    this.onShow = () => {
      if (this.board.head?.watched) this.board.send(document.hidden ? "hidden" : "shown");
      if (document.hidden) this.hidden = Date.now();
      else if (Date.now() - this.hidden > ASLEEP && this.wasConnected) this.checkAlive();
    };
    document.addEventListener("visibilitychange", this.onShow);
  }

  connected() { return !this.app || this.app.dataset.testConnectionState === "CONNECTED"; }

  onState() {
    const connected = this.connected();
    if (connected === this.wasConnected) return;
    this.wasConnected = connected;
    this.root.hidden = connected;
    clearInterval(this.answerTimer);
    if (connected) this.checkAlive();
  }

  checkAlive() {
    this.asked = this.board.send("alive");
    clearInterval(this.answerTimer);
    this.answerTimer = setInterval(() => {
      if (this.app.dataset.testScriptState === "running") return;
      clearInterval(this.answerTimer);
      if (this.connected()) location.reload();
    }, ANSWER);
  }

  // handled: the last event that the server has answered; session: which of its sessions speaks. Another one knows nothing of
  // what this reader has done.
  answered(handled, session) {
    if (this.session && session !== this.session) return location.reload();
    this.session = session;
    if (handled >= this.asked) clearInterval(this.answerTimer);
  }

  close() {
    this.watch.disconnect();
    clearInterval(this.answerTimer);
    document.removeEventListener("visibilitychange", this.onShow);
  }
}
