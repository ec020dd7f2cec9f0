// The search of the book: statements and terms by name or number come first, words are whole words, and excerpts have
// no TeX and no code. STATEMENTS and SIGNS are in statements.js, made with the pages; the rest is Sphinx's own search.
document.addEventListener("DOMContentLoaded", () => {
  const stemmer = new Stemmer();
  const stem = (word) => (/\d/.test(word) ? word : stemmer.stemWord(word));
  const words = (text) => text.toLowerCase().split(/[^\p{Letter}\p{Number}.]+/u).map((word) => word.replace(/^\.+|\.+$/g, ""))
    .filter((word) => word && !stopwords.includes(word)).map(stem);

  // -------------------------------------------------------------------------------------------- statements and terms

  const SURE = 1000; // above every score of a page
  const statementsFor = (query) => {
    const sought = words(query);
    if (!sought.length) return [];
    return STATEMENTS.flatMap(([name, text, page, anchor]) => {
      const known = new Set([...words(name), ...words(text)]);
      if (!sought.every((word) => known.has(word))) return [];
      const exact = [name, text].some((said) => words(said).join(" ") === sought.join(" "));
      const score = SURE + (exact ? SURE : Math.round((100 * sought.length) / known.size));
      const title = text === text.toLowerCase() ? `${text}: ${name}` : `${name} (${text})`;
      return [[page, title, `#${anchor}`, null, score, page]];
    });
  };

  // --------------------------------------------------------------------------------------------------- whole words

  // Sphinx looks for a word that it does not know inside of other words: "ppo" in "support"; it asks for the keys
  const whole = (table) => new Proxy(table, { ownKeys: () => [] });
  const perform = Search._performSearch;
  Search._performSearch = (query, ...rest) => {
    Search._index = { ...Search._index, terms: whole(Search._index.terms), titleterms: whole(Search._index.titleterms) };
    // the last result is shown first
    return [...perform(query, ...rest), ...statementsFor(query).sort((a, b) => a[4] - b[4])];
  };
  const objects = Search.performObjectSearch;
  Search.performObjectSearch = (word, all) =>
    objects(word, all).filter(([, name]) => name.toLowerCase().split(/[._]/).includes(word) || name.toLowerCase().endsWith(`.${word}`));

  // ------------------------------------------------------------------------------------------------------- excerpts

  // as plain_titles.readable in Python; a formula of which more is left than signs and names is an ellipsis
  const SAID = { Vert: "‖", sim: "~", hat: "", bar: "", tilde: "", dot: "", overline: "" };
  const NAMES = ["log", "exp", "max", "min", "arg", "lim", "sup", "inf", "Pr"];
  const readable = (tex) => {
    let strange = false;
    const text = tex
      .replace(/\\[()[\]]|\\[,;:!| ]|~|\\q?quad\b/g, " ")
      .replace(/\\(?:left|right|math(?:rm|cal|bb|bf|sf)|operatorname\*?|text|[bB]ig[lr]?|displaystyle)(?![a-zA-Z])/g, "")
      .replace(/\\[dt]?frac\s*(?:\{([^{}]*)\}|(\w))\s*(?:\{([^{}]*)\}|(\w))/g, (_, a, b, c, d) => `${a ?? b}/${c ?? d}`)
      .replace(/\\([a-zA-Z]+)/g, (_, name) => {
        strange ||= !(name in SIGNS || name in SAID || NAMES.includes(name));
        return SIGNS[name] ?? SAID[name] ?? name;
      });
    return strange ? " … " : text.replace(/[{}\\]/g, "").replace(/\s+/g, " ").trim();
  };
  const USELESS = ".headerlink, script, style, .cell_input, .toctree-wrapper, nav, figure, .rl-graph, .rl-ledger, .eqno, "
    + ".admonition-title, .onlyprint";
  Search.htmlToText = (html, anchor) => {
    const page = new DOMParser().parseFromString(html, "text/html");
    page.querySelectorAll(USELESS).forEach((part) => part.remove());
    page.querySelectorAll("div.math").forEach((part) => part.replaceWith(" … "));
    page.querySelectorAll("span.math").forEach((part) => part.replaceWith(readable(part.textContent)));
    const main = page.querySelector('[role="main"]');
    const part = (anchor && main?.querySelector(anchor)) || main?.querySelector("article") || main;
    return (part?.textContent ?? "").replace(/\s+/g, " ").trim();
  };

  // an excerpt begins near a word that was asked for, not near a longer one that holds it
  const LENGTH = 240;
  Search.makeSearchSummary = (html, keywords, anchor) => {
    const text = Search.htmlToText(html, anchor);
    if (!text) return null;
    const begins = (word) => new RegExp(`(?<![\\p{Letter}\\p{Number}])${word.replace(/[^\p{Letter}\p{Number}]/gu, "\\$&")}`, "iu");
    const places = [...keywords].map((word) => text.search(begins(word))).filter((place) => place >= 0);
    const start = Math.max((places.at(-1) ?? 0) - LENGTH / 2, 0);
    const excerpt = document.createElement("p");
    excerpt.className = "context";
    excerpt.textContent = (start ? "…" : "") + text.slice(start, start + LENGTH).trim() + (start + LENGTH < text.length ? "…" : "");
    return excerpt;
  };
});
