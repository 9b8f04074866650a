// The parts of boards that this browser has, by their digests: each a line of JSON and the bytes of its arrays. Python sends a
// part once, compressed, so they are kept for a while after they were last asked for.

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

// What a message begins with, a line of JSON, once the parts whose digests and lengths it tells, and which follow, are kept.
export async function opened(bytes) {
  const cut = bytes.indexOf(10);
  const head = JSON.parse(decoder.decode(bytes.subarray(0, cut)));
  let end = cut + 1;
  await Promise.all(head.parts.map(async ([digest, length]) => {
    const packed = bytes.subarray(end, (end += length));
    if (kept.has(digest)) return;
    const part = await inflated(packed);
    const line = part.indexOf(10);
    keepPart(digest, { text: part.slice(0, line), numbers: part.slice(line + 1).buffer });
  }));
  return head;
}

async function inflated(bytes) {
  const { readable, writable } = new DecompressionStream("deflate");
  const writer = writable.getWriter();
  const [buffer] = await Promise.all([new Response(readable).arrayBuffer(), writer.write(bytes), writer.close()]);
  return new Uint8Array(buffer);
}

// The figures of a board, or of its further pictures, by digest.
export function figuresOf(text) {
  const { panels, setup } = JSON.parse(text);
  return [...panels, setup].filter(Boolean).map((panel) => panel.part);
}
