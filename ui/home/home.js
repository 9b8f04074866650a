// The lecture's map. See __init__.py for what Python sends.

const homePages = new WeakMap();
// A picture's own units. The frame in it is twice as wide as high, so that a circle is round where x spans twice what y does.
const WIDTH = 320, HEIGHT = 160, MARGIN_X = 20, MARGIN_Y = 10;

// The app may live under a base path; Streamlit's own bundle says where.
function address(slug) {
  const bundle = document.querySelector('script[src*="static/js/"]');
  const url = new URL(slug, bundle ? bundle.src.split("static/js/")[0] : document.baseURI);
  const present = new URLSearchParams(window.location.search).get("present");
  if (present !== null) url.searchParams.set("present", present);
  return url.pathname + url.search;
}

function element(tag, about = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(about)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

function svgElement(tag, about) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(about)) if (value !== undefined) node.setAttribute(name, value);
  return node;
}

// ---- pictures

// Each kind of mark to the nodes that show it; `at` takes a point to the picture, `floor` is where bars and areas stand.
const MARK_NODES = {
  line: (mark, at) => [svgElement("path", { d: path(mark.points.map(at)), "stroke-width": mark.width ?? 3, "stroke-dasharray": mark.dash,
                                            // A dash pattern is in the picture's units; a plain line grows in parts of its length.
                                            pathLength: mark.dash ? undefined : 1 })],
  dots: (mark, at) => mark.points.map(at).map(([cx, cy]) => svgElement("circle", { cx, cy, r: (mark.width ?? 6) / 2 })),
  bars: (mark, at, floor) => {
    const places = mark.points.map(at);
    const gaps = places.slice(1).map(([x], i) => Math.abs(x - places[i][0])).filter(Boolean);
    const width = mark.width ?? 0.72 * Math.min(40, ...gaps);
    return places.map(([x, y]) => svgElement("rect", { x: x - width / 2, y: Math.min(y, floor), width, height: Math.abs(y - floor), rx: 1 }));
  },
  // A curve from left to right is filled down to the floor; any other outline is filled as it is.
  area: (mark, at, floor) => {
    const places = mark.points.map(at);
    const rising = places.every(([x], i) => !i || x >= places[i - 1][0]);
    const feet = rising && places.length ? [[places.at(-1)[0], floor], [places[0][0], floor]] : [];
    return [svgElement("path", { d: places.length ? `${path([...places, ...feet])}Z` : "" })];
  },
};

function path(places) {
  return places.map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
}

function pictureNodes({ marks, x, y }) {
  const toX = (v) => MARGIN_X + ((v - x[0]) / (x[1] - x[0])) * (WIDTH - 2 * MARGIN_X);
  const toY = (v) => HEIGHT - MARGIN_Y - ((v - y[0]) / (y[1] - y[0])) * (HEIGHT - 2 * MARGIN_Y);
  const floor = toY(Math.min(Math.max(0, Math.min(...y)), Math.max(...y)));
  return marks.map((mark, order) => {
    const group = svgElement("g", { class: `lab-mark lab-${mark.kind}${mark.dash ? " lab-dashed" : ""}`, opacity: mark.alpha ?? 1 });
    group.style.setProperty("--hue", mark.colour);
    group.style.setProperty("--order", order);
    group.append(...MARK_NODES[mark.kind](mark, ([a, b]) => [toX(a), toY(b)], floor));
    return group;
  });
}

// ---- progress

const ICONS = {
  open: "M8 2.5a5.5 5.5 0 1 0 0 11a5.5 5.5 0 1 0 0-11",
  check: "M2.5 8.5l3.7 3.7l7.3-8",
  cross: "M3.5 3.5l9 9M12.5 3.5l-9 9",
  star: "M8 1.8l1.9 4 4.4.6-3.2 3 .8 4.3L8 11.6l-3.9 2.1.8-4.3-3.2-3 4.4-.6z",
};

// What a card says of a lesson: [icon, words].
function badges(about) {
  const found = [about?.seen || about?.predicted || about?.solved ? ["check", "Seen"] : ["open", "Not seen yet"]];
  if (about?.predicted === "right") found.push(["check", "Predicted right"]);
  if (about?.predicted === "wrong") found.push(["cross", "Predicted wrong"]);
  if (about?.solved) found.push(["star", "Challenge solved"]);
  return found.map(([icon, words]) => {
    const sign = svgElement("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" });
    sign.append(svgElement("path", { d: ICONS[icon] }));
    return element("span", { class: `lab-badge lab-badge-${icon}` }, sign, words);
  });
}

// ---- the page

// Letters as they are typed: no case, no accents, L² is L2.
const normalise = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

class HomePage {
  constructor(parent) {
    this.root = parent.querySelector(".lab-home") ?? parent.appendChild(element("div", { class: "lab-home" }));
    this.cards = new Map();
    this.buildToolbar();
    this.grid = this.root.appendChild(element("div", { class: "lab-parts" }));
    this.inView = new IntersectionObserver((entries) => entries.forEach((e) => {
      if (e.isIntersecting && e.target.childElementCount) { this.inView.unobserve(e.target); e.target.classList.add("lab-grow"); }
    }));
    this.onKey = (e) => this.handleKey(e);
    this.onStorage = (e) => { if (e.key === Progress.key || e.key === null) this.showProgress(); };
    document.addEventListener("keydown", this.onKey);
    window.addEventListener("storage", this.onStorage);
  }

  buildToolbar() {
    this.search = element("input", { type: "search", id: "lab-search", placeholder: "Search the lessons", autocomplete: "off",
                                     spellcheck: "false", "aria-keyshortcuts": "/", "aria-describedby": "lab-count" });
    this.count = element("p", { id: "lab-count", role: "status", "aria-live": "polite" });
    this.total = element("p", { class: "lab-total", tabindex: "-1" });
    this.clear = element("button", { type: "button" });
    this.status = element("span", { class: "lab-visually-hidden", role: "status" });
    this.search.addEventListener("input", () => this.filter());
    this.askToClear(false);
    this.clear.addEventListener("click", () => this.clearProgress());
    this.clear.addEventListener("blur", () => this.askToClear(false));
    this.root.append(element("div", { class: "lab-home-toolbar" },
      element("div", { class: "lab-find", role: "search" },
        element("label", { for: "lab-search", class: "lab-visually-hidden" }, "Search the lessons"),
        this.search, element("kbd", { "aria-hidden": "true" }, "/")),
      this.count,
      element("div", { class: "lab-progress" }, this.total, this.clear, this.status)));
  }

  update({ parts, ideas, pictures }) {
    const text = JSON.stringify([parts, ideas]);
    if (text !== this.text) { this.text = text; this.buildCards(parts, ideas); }
    for (const [slug, about] of Object.entries(pictures)) this.drawPicture(this.cards.get(slug), about);
    for (const [slug, card] of this.cards) card.link.href = address(slug);
    this.showProgress();
    const shown = [...this.cards.values()].filter((c) => c.drawn).length;
    this.root.dataset.pictures = shown;
  }

  buildCards(parts, ideas) {
    this.cards.clear();
    this.grid.replaceChildren(...parts.map(({ name, lessons }, i) => {
      const list = element("ul", { role: "list" }, ...lessons.map((about) => this.buildCard(about, name, ideas[about.slug])));
      return element("section", { "aria-labelledby": `lab-part-${i}` }, element("h3", { id: `lab-part-${i}` }, name), list);
    }));
    this.filter();
  }

  buildCard({ slug, name, title, question, source }, part, ideas) {
    const art = svgElement("svg", { class: "lab-art", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, "aria-hidden": "true" });
    const link = element("a", { href: address(slug), "aria-describedby": `lab-claim-${slug} lab-badges-${slug}` }, name);
    const badgesNode = element("p", { class: "lab-badges", id: `lab-badges-${slug}` });
    const root = element("li", { class: "lab-card", "data-slug": slug }, art, element("h4", {}, link),
      element("p", { class: "lab-claim", id: `lab-claim-${slug}` }, `${title}.`),
      element("p", { class: "lab-question" }, question),
      element("p", { class: "lab-source" }, element("span", { class: "lab-visually-hidden" }, "In the lecture: "), source), badgesNode);
    // A plain click keeps the session; any other (a new tab, a new window) is the browser's.
    link.addEventListener("click", (e) => {
      if (e.button || e.ctrlKey || e.metaKey || e.shiftKey || e.altKey) return;
      const hiddenLink = [...document.querySelectorAll(".st-key-hidden-links a")].find((a) => a.pathname === link.pathname);
      if (!hiddenLink) return;
      e.preventDefault();
      hiddenLink.click();
    });
    root.addEventListener("pointerenter", (e) => { if (e.pointerType === "mouse") this.replay(art); });
    link.addEventListener("focus", () => { if (link.matches(":focus-visible")) this.replay(art); });
    this.cards.set(slug, { root, link, art, badges: badgesNode, words: normalise([name, title, question, source, part, ...ideas].join(" ")) });
    return root;
  }

  drawPicture(card, about) {
    const text = JSON.stringify(about);
    if (!card || card.drawn === text) return;
    card.drawn = text;
    card.art.replaceChildren(...(about.marks ? pictureNodes(about) : []));
    card.art.classList.remove("lab-grow");
    this.inView.observe(card.art);
  }

  replay(art) {
    art.classList.remove("lab-grow");
    art.getBoundingClientRect();  // a class that goes and comes within one layout starts nothing
    art.classList.add("lab-grow");
  }

  filter() {
    const asked = this.search.value.trim();
    const words = normalise(asked).split(/\s+/).filter(Boolean);
    let found = 0;
    for (const { root, words: text } of this.cards.values()) {
      root.hidden = !words.every((w) => text.includes(w));
      found += !root.hidden;
    }
    for (const section of this.grid.children) {
      const left = section.querySelectorAll(".lab-card:not([hidden])").length;
      section.hidden = !left;
      section.style.setProperty("--cards", left);
    }
    const all = this.cards.size;
    if (!words.length) this.count.textContent = `${all} lessons`;
    else if (found) this.count.textContent = `${found} of ${all} lessons ${found === 1 ? "matches" : "match"}`;
    else this.count.textContent = `No lesson matches “${asked}”`;
  }

  handleKey(e) {
    if (e.key === "Escape" && e.target === this.search && this.search.value) {
      e.preventDefault();
      this.search.value = "";
      this.filter();
    }
    const typing = e.target.closest?.("input, textarea, select, [contenteditable]");
    if (e.key === "/" && !typing && !e.ctrlKey && !e.metaKey && !e.altKey) {
      e.preventDefault();
      this.search.focus();
    }
  }

  showProgress() {
    const progress = Progress.all();
    let seen = 0;
    for (const [slug, card] of this.cards) {
      const shown = badges(progress[slug]);
      seen += shown[0].textContent === "Seen";
      card.badges.replaceChildren(...shown);
    }
    this.total.textContent = `${seen} of ${this.cards.size} lessons seen`;
    this.total.style.setProperty("--part", this.cards.size ? seen / this.cards.size : 0);
    this.clear.hidden = !Object.keys(progress).length;
  }

  askToClear(asking) {
    this.asking = asking;
    this.clear.textContent = asking ? "Clear it for good?" : "Clear progress";
    this.status.textContent = asking ? "Press again to clear your progress." : "";
  }

  clearProgress() {
    if (!this.asking) return this.askToClear(true);
    Progress.clear();
    this.total.focus();  // the button goes, and the keyboard must stand somewhere
    this.showProgress();
    this.status.textContent = "Progress cleared.";
  }

  close() {
    this.inView.disconnect();
    document.removeEventListener("keydown", this.onKey);
    window.removeEventListener("storage", this.onStorage);
  }
}

export default function ({ parentElement, data }) {
  let home = homePages.get(parentElement);
  if (!home) homePages.set(parentElement, (home = new HomePage(parentElement)));
  home.update(data);
  return () => setTimeout(() => {
    if (!parentElement.isConnected) { home.close(); homePages.delete(parentElement); }
  }, 0);
}
