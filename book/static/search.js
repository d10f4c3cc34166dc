// Finds sections of the book by words, best first, each with an excerpt.
// search-texts.js gives the sections: [address, headings from the page's down, text].
(() => {
  "use strict";
  const MOST = 60;
  const fold = (text) => text.toLowerCase().normalize("NFKD").replace(/[\u0300-\u036f’']/g, "");
  const wordsOf = (text) => fold(text).match(/[\p{L}\p{N}]+/gu) || [];
  // "rates" finds "rate", and "rate" finds "rates": an ending may be missing.
  const stem = (word) => word.replace(/(?<=.{4})(ies|es|s|ing|ed)$/, "");
  const pattern = (word) =>
    new RegExp(`(?<![\\p{L}\\p{N}])${word.replace(/[^\p{L}\p{N}]/gu, "\\$&")}`, "gu");

  // The texts are loaded with the first word that somebody types, as a script, since a
  // page that is opened from a disk may not fetch anything.
  const textsAddress = document.currentScript.dataset.texts;
  let sections = null;
  const withTexts = (action) => {
    if (sections) { action(); return; }
    const script = document.createElement("script");
    script.src = textsAddress;
    script.addEventListener("load", () => {
      sections = globalThis.searchTexts.map(([address, headings, text]) => ({
        address, headings, text, title: fold(headings.at(-1)), above: fold(headings.join(" ")), body: fold(text),
      }));
      action();
    });
    document.head.append(script);
  };

  // A word in the section's own title counts most, then in the titles above, then in
  // the text; a section has to contain every word somewhere.
  const score = (section, patterns) => {
    let sum = 0;
    for (const p of patterns) {
      const count = (text) => (text.match(p) || []).length;
      const here = 12 * Math.min(count(section.title), 1) + 4 * Math.min(count(section.above), 1)
        + Math.min(count(section.body), 6);
      if (!here) return 0;
      sum += here;
    }
    return sum / Math.log(20 + section.body.length / 200);
  };

  const excerpt = (text, patterns) => {
    const folded = fold(text);
    const places = patterns.map((p) => folded.search(p)).filter((place) => place >= 0);
    const first = places.length ? Math.min(...places) : 0;
    let start = Math.max(0, first - 60);
    if (start) start = text.indexOf(" ", start) + 1;
    return { before: start ? "… " : "", words: text.slice(start, start + 240).split(" ").slice(0, -1) };
  };

  const marked = (parent, words, patterns) => {
    for (const word of words) {
      const hit = patterns.some((p) => fold(word).search(p) >= 0);
      const node = hit ? document.createElement("mark") : document.createTextNode(word);
      if (hit) node.textContent = word;
      parent.append(node, " ");
    }
  };

  const show = (query) => {
    const list = document.getElementById("search-results");
    const status = document.getElementById("search-status");
    const patterns = wordsOf(query).map(stem).map(pattern);
    list.replaceChildren();
    if (!patterns.length) { status.textContent = ""; return; }
    const found = sections.map((section) => [score(section, patterns), section])
      .filter(([points]) => points > 0).sort((a, b) => b[0] - a[0]);
    const all = found.length === 1 ? "1 section" : `${found.length} sections`;
    status.textContent = !found.length
      ? `No section contains “${query}”. Try fewer words, or the beginning of a word.`
      : found.length > MOST ? `${all}; the best ${MOST} are shown.` : `${all}.`;
    for (const [, section] of found.slice(0, MOST)) {
      const item = document.createElement("li");
      const link = document.createElement("a");
      link.href = new URL(section.address, document.baseURI).href;
      link.textContent = section.headings.at(-1);
      const where = document.createElement("p");
      where.className = "search-where";
      where.textContent = section.headings.slice(0, -1).join(" › ");
      const text = document.createElement("p");
      const { before, words } = excerpt(section.text, patterns);
      text.append(before);
      marked(text, words, patterns);
      item.append(link, ...(where.textContent ? [where] : []), text);
      list.append(item);
    }
  };

  const field = document.getElementById("search-words");
  const search = () => withTexts(() => show(field.value.trim()));
  const remember = () => {
    const address = new URL(location.href);
    address.searchParams.set("q", field.value.trim());
    try { history.replaceState(null, "", address); } catch { /* some browsers refuse it for files */ }
  };
  let timer = 0;
  field.form.addEventListener("submit", (event) => { event.preventDefault(); search(); remember(); });
  field.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => { search(); remember(); }, 150);
  });
  field.value = new URLSearchParams(location.search).get("q") || "";
  if (field.value) search();
})();
