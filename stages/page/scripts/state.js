// Every choice on the page lives in the address's fragment, as #name=value&...: a link to a view is the address itself.
"use strict";

const state = (() => {
  const watchers = [];
  const all = () => new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : "");

  function set(name, value) {
    const now = all();
    if (value === null || value === "") now.delete(name);
    else now.set(name, value);
    now.sort();
    const text = now.toString();
    history.replaceState(null, "", text ? `#${text}` : location.pathname + location.search);
  }

  // Calls `apply` now and whenever the address is changed from outside.
  function watch(apply) {
    watchers.push(apply);
    apply();
  }

  function show(id) {
    const place = document.getElementById(id);
    if (!place) return;
    for (let at = place; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
    place.scrollIntoView();
  }

  addEventListener("hashchange", () => watchers.forEach((apply) => apply()));
  addEventListener("load", () => watch(() => show(all().get("at"))));
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#']");
    if (!link || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const id = link.getAttribute("href").slice(1);
    set("at", id);
    show(id);
    document.getElementById(id)?.focus({ preventScroll: true });
  });

  return { get: (name) => all().get(name), names: () => [...all().keys()], set, watch };
})();
