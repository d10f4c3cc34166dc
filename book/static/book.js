// What every page can do: light and dark, the place in the page's contents, sideways
// scrolling by keyboard, and cards beside equations and citations.
(() => {
  "use strict";
  const ownAddress = document.currentScript.src;

  // Light, dark, or the system's choice, in turn, and remembered where that is allowed.
  const THEMES = ["auto", "light", "dark"];
  const choose = () => {
    const theme = THEMES[(THEMES.indexOf(document.body.dataset.theme) + 1) % THEMES.length];
    document.body.dataset.theme = theme;
    try { localStorage.setItem("theme", theme); } catch { /* not remembered, then */ }
    document.querySelectorAll(".theme-toggle").forEach((button) => {
      button.title = `Colours: ${theme === "auto" ? "the system’s" : theme}`;
    });
  };
  document.querySelectorAll(".theme-toggle").forEach((button) => button.addEventListener("click", choose));

  // Lay out the sections that have waited, one at a time, while the browser is idle; from
  // the reader's first sign on, so that it delays neither the first view nor its use.
  const waiting = [...document.querySelectorAll("article section > section")];
  const idle = globalThis.requestIdleCallback || ((action) => setTimeout(action, 30));
  const layOut = () => {
    const section = waiting.shift();
    if (!section) { document.documentElement.classList.add("whole"); return; }
    section.style.contentVisibility = "visible";
    section.getBoundingClientRect();
    idle(layOut);
  };
  const waits = !document.documentElement.classList.contains("whole");
  const SIGNS = ["scroll", "pointermove", "pointerdown", "keydown"];
  const begin = () => {
    SIGNS.forEach((sign) => removeEventListener(sign, begin));
    idle(layOut);
  };
  if (waits) SIGNS.forEach((sign) => addEventListener(sign, begin, { passive: true }));

  // The playground's script is loaded when the first place for one comes near.
  const places = document.querySelectorAll(".descent-playground");
  const near = new IntersectionObserver((changes) => {
    if (!changes.some((change) => change.isIntersecting)) return;
    near.disconnect();
    const script = document.createElement("script");
    script.src = new URL("playground.js", ownAddress);
    script.addEventListener("load", () => globalThis.descentPlayground.mountAll());
    document.head.append(script);
  }, { rootMargin: "1000px" });
  places.forEach((place) => near.observe(place));

  // The contents list shows which section is being read: the last one that has begun.
  const entries = new Map();
  document.querySelectorAll(".toc-tree a[href^='#']").forEach((link) => {
    const section = document.getElementById(decodeURIComponent(link.hash.slice(1)));
    if (section) entries.set(section, link.parentElement);
  });
  const read = new Set();
  const spy = new IntersectionObserver((changes) => {
    for (const { target, isIntersecting } of changes) read[isIntersecting ? "add" : "delete"](target);
    const current = [...entries.keys()].filter((section) => read.has(section)).pop();
    for (const [section, entry] of entries) entry.classList.toggle("scroll-current", section === current);
  }, { rootMargin: "-20% 0px -79% 0px" });
  entries.forEach((_, section) => spy.observe(section));

  // The drawers of narrow pages: opened by their buttons, closed by Escape, by the
  // shade beside them, or by following one of their links.
  const buttons = [...document.querySelectorAll(".drawer-button")];
  const boxOf = (button) => document.getElementById(button.dataset.drawer);
  const say = () => buttons.forEach((button) => button.setAttribute("aria-expanded", boxOf(button).checked));
  const shut = () => {
    const open = buttons.filter((button) => boxOf(button).checked && button.offsetParent);
    buttons.forEach((button) => { boxOf(button).checked = false; });
    say();
    if (open.length) open[0].focus();
  };
  for (const button of buttons) {
    button.addEventListener("click", () => {
      const box = boxOf(button);
      box.checked = !box.checked;
      say();
      const drawer = document.querySelector(box.id === "__toc" ? ".toc-drawer a" : ".sidebar-drawer a");
      if (box.checked && drawer) setTimeout(() => drawer.focus(), 50);
    });
    boxOf(button).addEventListener("change", say);
  }
  document.querySelectorAll(".toc-drawer a").forEach((link) => link.addEventListener("click", () => {
    document.getElementById("__toc").checked = false;
    say();
  }));

  // What is wider than the page scrolls by itself; the keyboard can reach it then.
  const boxes = ".scroller, .table-wrapper, .highlight pre";
  const label = (box) => (box.querySelector("math") ? "Formula" : box.querySelector("table") ? "Table"
    : box.querySelector("img") ? "Figure" : "Code") + ", scrolls sideways";
  const reach = (box, scrolls = box.scrollWidth > box.clientWidth + 1) => {
    if (scrolls === box.hasAttribute("tabindex")) return;
    if (scrolls) {
      box.tabIndex = 0;
      box.setAttribute("role", "group");
      box.setAttribute("aria-label", label(box));
    } else for (const name of ["tabindex", "role", "aria-label"]) box.removeAttribute(name);
  };
  const sizes = new ResizeObserver((entries) => entries.forEach(({ target }) => reach(target)));
  for (const box of document.querySelectorAll(boxes)) {
    if (waits && box.closest("section section")) reach(box, true); // until it is laid out, and known
    sizes.observe(box);
  }

  // A card with the equation or the reference that a link speaks of, on hover or focus.
  const card = document.createElement("div");
  card.id = "card";
  card.setAttribute("role", "tooltip");
  card.hidden = true;
  let owner = null;
  let timer = 0;
  const subject = (link) => {
    const cites = [...link.classList].find((name) => name.startsWith("cites-"));
    if (cites) return document.getElementById(`reference-${cites.slice(6)}`);
    const here = link.pathname === location.pathname && link.hash;
    return here ? document.getElementById(decodeURIComponent(link.hash.slice(1))) : null;
  };
  const close = () => {
    clearTimeout(timer);
    card.hidden = true;
    if (owner) owner.removeAttribute("aria-describedby");
    owner = null;
  };
  const open = (link) => {
    const shown = subject(link);
    clearTimeout(timer);
    if (!shown || owner === link) return;
    close();
    owner = link;
    card.replaceChildren(...[...shown.childNodes].map((node) => node.cloneNode(true)));
    card.querySelectorAll("[id], [tabindex]").forEach((node) => {
      node.removeAttribute("id");
      node.removeAttribute("tabindex");
    });
    card.querySelectorAll("a").forEach((a) => a.replaceWith(...a.childNodes));
    card.hidden = false;
    const [at, box] = [link.getBoundingClientRect(), card.getBoundingClientRect()];
    const left = Math.min(Math.max(8, at.left + at.width / 2 - box.width / 2), innerWidth - box.width - 8);
    const above = at.top - box.height - 6 > 0;
    card.style.left = `${Math.max(8, left) + scrollX}px`;
    card.style.top = `${(above ? at.top - box.height - 6 : at.bottom + 6) + scrollY}px`;
    link.setAttribute("aria-describedby", "card");
  };
  const later = (action) => { clearTimeout(timer); timer = setTimeout(action, 200); };
  const links = document.querySelectorAll(".equation-link, .citation-link");
  if (links.length) document.body.append(card);
  for (const link of links) {
    link.addEventListener("pointerenter", (event) => {
      if (event.pointerType === "mouse") later(() => open(link));
    });
    link.addEventListener("pointerleave", () => later(close));
    link.addEventListener("focus", () => { if (link.matches(":focus-visible")) open(link); });
    link.addEventListener("blur", close);
  }
  card.addEventListener("pointerenter", () => clearTimeout(timer));
  card.addEventListener("pointerleave", () => later(close));
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") { close(); shut(); } });
})();
