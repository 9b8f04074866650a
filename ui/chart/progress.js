// What this browser remembers of a reader: slug -> {seen, predicted: "right" | "wrong" | "skipped", solved}. Nothing of it
// reaches the server.

export const Progress = {
  key: "lab-progress",

  all() {
    try {
      const kept = JSON.parse(localStorage.getItem(this.key) ?? "{}");
      return kept && typeof kept === "object" && !Array.isArray(kept) ? kept : {};
    } catch {
      return {};  // no storage here, or something that is not ours
    }
  },

  get(slug) { return this.all()[slug] ?? {}; },

  // Called whenever a board arrives, so it writes only what is new.
  update(slug, what) {
    const all = this.all();
    if (Object.entries(what).every(([name, value]) => all[slug]?.[name] === value)) return;
    all[slug] = { ...all[slug], ...what };
    try { localStorage.setItem(this.key, JSON.stringify(all)); } catch { /* a browser may forbid it */ }
  },

  clear() { try { localStorage.removeItem(this.key); } catch { /* then there was nothing to clear */ } },
};
