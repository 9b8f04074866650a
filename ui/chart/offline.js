// The board in one file, which plays without a network.

import { figuresOf, partOf } from "./parts.js";
import { blobToDataUrl } from "./tools.js";

const IMPORT = /^import .* from "(.*)";\n/gm;

async function read(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
  return answer.text();
}

// A module and all that it imports as one text without imports: each part after those that it needs. No two of them may use
// one name at their top level.
async function joined(address, known = new Set()) {
  known.add(address);
  const text = await read(address);
  const before = [];
  for (const [, from] of text.matchAll(IMPORT)) {
    const other = new URL(from, address).href;
    if (!known.has(other)) before.push(await joined(other, known));
  }
  return before.join("") + text.replaceAll(IMPORT, "");
}

export async function offlinePage(board) {
  const { plotly, summary = "" } = board.head;
  const at = (path) => new URL(path, import.meta.url).href;
  const [library, parts, css] = await Promise.all([read(at(`../../${plotly}`)), joined(at("board.js")), read(at("chart.css"))]);
  const look = getComputedStyle(board.root);
  // The colours of the theme that is on.
  const values = [...new Set(css.match(/--st-[\w-]+/g))].map((name) => [name, look.getPropertyValue(name)]).filter(([, v]) => v);
  const title = escaped(document.querySelector("h2")?.textContent ?? document.title);
  const link = escaped(location.href);
  const { slug, scene, start, comparison, digest, look: shared, now, kept } = board.head;
  const boards = [...now, ...kept];
  const digests = [shared, ...boards, ...boards.flatMap((one) => figuresOf(partOf(one).text))];
  const data = { head: { slug, scene, start, comparison, digest, look: shared, now, kept, live: false, presets: [] },
                 parts: await Promise.all(digests.map(async (name) => [name, await written(partOf(name))])) };
  const inline = (code) => code.replace(/<\/(?=script)/gi, "<\\/").replaceAll("<!--", "<\\!--");
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="license" content="MIT">
<title>${title}</title>
<style>
:root { ${values.map((pair) => pair.join(": ")).join("; ")}; color-scheme: ${board.dark ? "dark" : "light"}; }
body { background: var(--st-background-color); color: var(--st-text-color); font: 1rem/1.5 ${board.family};
  max-width: 80rem; margin: 0 auto; padding: 1rem; }
* { box-sizing: border-box; }
svg { vertical-align: middle; }
h1 { font-size: 1.5rem; line-height: 1.2; margin: 0 0 0.75rem; }
a { color: var(--st-primary-color); overflow-wrap: anywhere; }
table { border-collapse: collapse; } th, td { padding: 0.2rem 0.8rem; text-align: right; border-bottom: 1px solid var(--st-border-color); }
:is(th, td):first-child { text-align: left; }
footer { font-size: 0.82rem; opacity: 0.85; }
${css}
.lab-toolbar, .lab-why:empty, .lab-further { display: none !important; }
.lab-clickable .nsewdrag { cursor: default !important; }
</style>
</head>
<body>
<h1>${title}</h1>
<main></main>
${paragraphs(summary)}
<footer>Saved from <a href="${link}">${link}</a>, where its controls and clicks work. Licence: MIT.</footer>
<script>${inline(library)}<\/script>
<script type="application/json" id="lab-data">${JSON.stringify(data).replaceAll("<", "\\u003c")}<\/script>
<script type="module">${inline(parts)}
{
  const { head, parts } = JSON.parse(document.getElementById("lab-data").textContent);
  for (const [digest, { text, numbers }] of parts) {
    keepPart(digest, { text, numbers: Uint8Array.from(atob(numbers), (c) => c.charCodeAt(0)).buffer });
  }
  const board = new Board(document.querySelector("main"));
  board.receive(head);
}
<\/script>
</body>
</html>
`;
}

// A board's arrays as text, in base64.
async function written({ text, numbers }) {
  return { text, numbers: (await blobToDataUrl(new Blob([numbers]))).split(",")[1] ?? "" };
}

const escaped = (text) => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);

// The Markdown that the sentences use: paragraphs, lists, tables and what is strong.
function paragraphs(markdown) {
  const strong = (text) => escaped(text).replace(/\*\*(.+?)\*\*/g, "<strong>$1</strong>");
  return markdown.trim().split(/\n{2,}/).filter(Boolean).map((block) => {
    const lines = block.split("\n");
    if (lines.every((line) => line.startsWith("|"))) return table(lines, strong);
    return lines.every((line) => /^[-*] /.test(line)) ? `<ul>${lines.map((line) => `<li>${strong(line.slice(2))}</li>`).join("")}</ul>`
      : `<p class="lab-summary">${strong(block)}</p>`;
  }).join("\n");
}

// | a | b |, a line that says how the columns stand, and the rows.
function table([names, , ...rows], strong) {
  const line = (text, tag) => `<tr>${text.split("|").slice(1, -1).map((cell) => `<${tag}>${strong(cell.trim())}</${tag}>`).join("")}</tr>`;
  return `<table class="lab-summary"><thead>${line(names, "th")}</thead><tbody>${rows.map((row) => line(row, "td")).join("")}</tbody></table>`;
}
