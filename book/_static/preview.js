// What a reference leads to, shown where the reference stands: on hover, on keyboard focus, on the first touch.
// Statements, displays, figures, sections and works; of this page, or of another page of the book. Without this script,
// and where a page cannot be fetched, a reference is the link that it is.
(() => {
  const WAIT = 250;
  const MARGIN = 8;
  const LINKS = "article.bd-article a.reference.internal[href*='#'], article.bd-article a.internal[href*='#']";
  const pages = new Map();
  let box, owner, waiting, touched;

  // ------------------------------------------------------------------------------------------------ finding the target

  const page = (address) => {
    if (!pages.has(address))
      pages.set(address, fetch(address).then((answer) => (answer.ok ? answer.text() : Promise.reject(answer.status)))
        .then((text) => new DOMParser().parseFromString(text, "text/html")));
    return pages.get(address);
  };

  const targetOf = async (link) => {
    const address = new URL(link.href);
    const inside = address.pathname === location.pathname;
    const whole = inside ? document : await page(address.origin + address.pathname);
    const found = whole.getElementById(decodeURIComponent(address.hash.slice(1)));
    return found && { part: wanted(found), base: address, typeset: inside };
  };

  // the piece of the page that says what the target is; null where the link itself says it
  const wanted = (found) => {
    if (found.matches("tr, li, .rl-check")) return null;
    if (found.matches("section, h1, h2, h3, h4")) return opening(found.closest("section"));
    return found.closest(".proof, figure, div.math, .citation, dl.citation > *, .rl-proof") ?? next(found);
  };
  // a label may be an empty element in front of what it names
  const next = (found) => (found.childElementCount || found.textContent.trim() ? found : found.nextElementSibling);
  const opening = (section) => {
    const piece = document.createElement("div");
    const words = section.querySelector(":scope > p");
    piece.append(section.querySelector("h1, h2, h3, h4").cloneNode(true), ...(words ? [words.cloneNode(true)] : []));
    return piece;
  };

  // ------------------------------------------------------------------------------------------------------ showing it

  // a copy for show: nothing of it is a target or a stop, and its addresses hold from here
  const copy = ({ part, base }) => {
    const piece = part.cloneNode(true);
    piece.querySelectorAll(".headerlink, script, mjx-assistive-mml, .rl-marklink").forEach((useless) => useless.remove());
    [piece, ...piece.querySelectorAll("*")].forEach((element) => {
      ["id", "tabindex", "name"].forEach((name) => element.removeAttribute(name));
      ["href", "src"].forEach((name) => element.hasAttribute(name)
        && element.setAttribute(name, new URL(element.getAttribute(name), base).href));
    });
    piece.querySelectorAll("a").forEach((link) => { link.tabIndex = -1; });
    return piece;
  };

  const place = (link) => {
    const here = link.getClientRects()[0] ?? link.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = box;
    const below = here.bottom + height + MARGIN < innerHeight || here.top < height + MARGIN;
    box.style.left = `${Math.max(MARGIN, Math.min(here.left, document.documentElement.clientWidth - width - MARGIN))}px`;
    box.style.top = `${below ? Math.min(here.bottom + 4, Math.max(MARGIN, innerHeight - height - MARGIN)) : here.top - height - 4}px`;
  };

  const hide = () => {
    clearTimeout(waiting);
    owner?.removeAttribute("aria-describedby");
    owner = undefined;
    box?.remove();
    box = undefined;
  };

  const show = async (link, byTouch) => {
    if (owner === link && box) return;
    hide();
    owner = link;
    const target = await targetOf(link).catch(() => null);
    if (owner !== link || !target?.part) return;
    box = document.createElement("div");
    box.className = "rl-preview";
    box.id = "rl-preview";
    box.setAttribute("role", "tooltip");
    box.append(copy(target));
    if (byTouch) box.append(Object.assign(document.createElement("a"), { href: link.href, textContent: "Go there", className: "rl-go" }));
    box.addEventListener("pointerenter", () => clearTimeout(waiting));
    box.addEventListener("pointerleave", later);
    document.querySelector("article.bd-article").append(box);
    link.setAttribute("aria-describedby", box.id);
    place(link);
    if (!target.typeset && window.MathJax?.typesetPromise) {
      const mine = box;
      await MathJax.typesetPromise([mine]);
      if (box !== mine) return;
    }
    window.fitDisplays?.(0.72, box);
    place(link);
  };

  const soon = (link) => { clearTimeout(waiting); waiting = setTimeout(show, WAIT, link); };
  const later = () => { clearTimeout(waiting); waiting = setTimeout(hide, WAIT); };

  // ------------------------------------------------------------------------------------------------------- occasions

  const linkOf = (event) => {
    const link = event.target.closest?.(LINKS);
    return link && !link.closest(".rl-preview") && !link.matches(".headerlink, .rl-marklink") ? link : null;
  };
  document.addEventListener("pointerover", (event) => {
    if (event.pointerType === "mouse" && linkOf(event)) soon(linkOf(event));
  });
  document.addEventListener("pointerout", (event) => {
    if (event.pointerType === "mouse" && linkOf(event)) later();
  });
  document.addEventListener("focusin", (event) => {
    const link = linkOf(event);
    if (link?.matches(":focus-visible") && !touched) soon(link);
    else if (owner && !event.target.closest(".rl-preview")) hide();
  });
  document.addEventListener("pointerdown", (event) => {
    touched = event.pointerType === "touch";
    if (box && !event.target.closest(".rl-preview") && linkOf(event) !== owner) hide();
  });
  // the first touch shows, the second follows the link
  document.addEventListener("click", (event) => {
    const link = linkOf(event);
    if (!link || !touched || owner === link) return;
    event.preventDefault();
    show(link, true).then(() => { if (!box) location.href = link.href; });
  });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
  window.addEventListener("scroll", () => { if (owner && box) place(owner); }, { passive: true });
})();
