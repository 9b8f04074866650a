// Links to lessons in a picture or its caption: href="<slug>", as a page's address has it.

import { bareText } from "./tools.js";

// The app's own link to a lesson, which shell.hidden_links has out of sight: the session goes on, the server stays warm, and on the
// wall lecture mode is kept. None where it has not come yet, or is not there.
export const linkTo = (slug) => [...document.querySelectorAll(".st-key-hidden-links a")].find((a) => new URL(a.href).pathname.endsWith(`/${slug}`));

export function followLesson(e) {
  const link = e.target.closest?.("a");
  const to = link?.getAttribute("href") ?? link?.getAttribute("xlink:href");
  if (!to || !/^[a-z_]+$/.test(to) || e.ctrlKey || e.metaKey || e.shiftKey) return;
  const own = linkTo(to);
  if (!own) return;
  e.preventDefault();
  own.click();
}

// Plotly makes a link of every line of a name: Tab stops at the first, which is told in full.
export function oneStopEach(node) {
  for (const text of node.querySelectorAll(".annotation-text:has(a)")) {
    const [first, ...rest] = text.querySelectorAll("a");
    first.setAttribute("aria-label", bareText(text.dataset.unformatted ?? text.textContent).replace(/\u200b/g, ""));
    for (const line of rest) line.setAttribute("tabindex", "-1");
  }
}
