// Shows or folds all code at once, and remembers it for the next page and the next visit.
(() => {
  const KEY = "rl-code";
  const FOLDS = "details.rl-check-fold, details.rl-code-fold";

  // a browser that keeps nothing (private windows) still shows the page
  let shown = (() => { try { return localStorage.getItem(KEY) === "shown"; } catch { return false; } })();
  const keep = () => { try { localStorage.setItem(KEY, shown ? "shown" : "folded"); } catch { /* not kept */ } };

  const show = () => {
    document.querySelectorAll(FOLDS).forEach((part) => { part.open = shown; });
    document.querySelectorAll(".btn-code-switch").forEach((button) => button.setAttribute("aria-pressed", shown));
  };
  window.showCode = () => {
    shown = !shown;
    keep();
    show();
  };
  document.addEventListener("DOMContentLoaded", show);

  // a link into folded text opens what hides its target
  const reveal = () => {
    const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    for (let part = target && target.parentElement; part; part = part.parentElement)
      if (part.tagName === "DETAILS" && !target.closest("summary")) part.open = true;
  };
  window.addEventListener("hashchange", reveal);
  document.addEventListener("DOMContentLoaded", reveal);
  // paper cannot be unfolded: proofs and solutions are printed, code and the drawing of all statements when they are shown
  window.addEventListener("beforeprint", () => document
    .querySelectorAll("details.rl-folded:not([open]):not(:has(.rl-graph))")
    .forEach((part) => { part.open = true; part.dataset.printed = ""; }));
  window.addEventListener("afterprint", () => document.querySelectorAll("details[data-printed]")
    .forEach((part) => { part.open = false; delete part.dataset.printed; }));
})();
