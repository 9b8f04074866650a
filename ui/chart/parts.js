// The parts of boards that this browser has, by their digests: each a line of JSON and the bytes of its arrays. Python sends a
// part once, so they are kept for a while after they were last asked for.

const LIMIT = 96 << 20;
const kept = new Map();  // those asked for last at the end
let held = 0;
const decoder = new TextDecoder();

export function keepPart(digest, { text, numbers }) {
  if (kept.has(digest)) return;
  kept.set(digest, { text, numbers });
  held += numbers.byteLength;
  for (const [old, part] of kept) {
    if (held <= LIMIT) break;
    kept.delete(old);
    held -= part.numbers.byteLength;
  }
}

// {text, numbers}, undefined where it never came.
export function partOf(digest) {
  const part = kept.get(digest);
  if (!part) return undefined;
  kept.delete(digest);
  kept.set(digest, part);
  if (typeof part.text !== "string") part.text = decoder.decode(part.text);
  return part;
}

// A message: a line of JSON, then the parts whose digests and lengths it tells.
export function opened(bytes) {
  const cut = bytes.indexOf(10);
  const head = JSON.parse(decoder.decode(bytes.subarray(0, cut)));
  let end = cut + 1;
  for (const [digest, length] of head.parts) {
    const part = bytes.subarray(end, (end += length));
    const line = part.indexOf(10);
    // Copies, so that the message can be forgotten, and the arrays begin where a number of eight bytes may begin.
    keepPart(digest, { text: part.slice(0, line), numbers: part.slice(line + 1).buffer });
  }
  return head;
}

// The figures of a board, by digest.
export function figuresOf(text) {
  const { panels, setup } = JSON.parse(text);
  return [...panels, setup].filter(Boolean).map((panel) => panel.part);
}
