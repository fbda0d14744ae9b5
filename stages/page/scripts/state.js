// Every choice on the page lives in the address's fragment, as #name=value&...: a link to a view is the address itself.
"use strict";

const state = (() => {
  const watchers = [];
  let chosen = new URLSearchParams(), waiting = null;

  // What an address chooses, instead of what was chosen.
  function load(fragment) {
    chosen = new URLSearchParams(fragment.includes("=") ? fragment.replace(/^#/, "") : "");
    apply();
  }

  function write() {
    clearTimeout(waiting);
    waiting = null;
    chosen.sort();
    const text = chosen.toString();
    history.replaceState(null, "", text ? `#${text}` : location.pathname + location.search);
  }

  // The address follows a little later: browsers ignore a page that writes it as often as a slider moves.
  function set(name, value) {
    if (value === null || value === "") chosen.delete(name);
    else chosen.set(name, value);
    waiting ??= setTimeout(write, 200);
  }

  const apply = () => watchers.forEach((each) => each());

  // Calls `each` now and whenever something was chosen elsewhere.
  function watch(each) {
    watchers.push(each);
    each();
  }

  function show(id) {
    const place = document.getElementById(id);
    if (!place) return;
    for (let at = place; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
    place.scrollIntoView();
  }

  const arrive = () => chosen.has("at") && show(chosen.get("at"));

  addEventListener("hashchange", () => {
    load(location.hash);
    arrive();
  });
  addEventListener("load", arrive);
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#']");
    if (!link || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const id = link.getAttribute("href").slice(1);
    set("at", id);
    show(id);
    document.getElementById(id)?.focus({ preventScroll: true });
  });

  load(location.hash);
  return { apply, get: (name) => chosen.get(name), load, names: () => [...chosen.keys()], set, watch, write };
})();
