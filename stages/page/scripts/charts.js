// Charts: those in sight are drawn first, the others when there is time, so that all are there when the page is printed.
"use strict";

const charts = (() => {
  const packed = JSON.parse(document.getElementById("specs").textContent);
  const options = {
    mode: "vega-lite", renderer: "svg", logLevel: 1, config: JSON.parse(document.getElementById("config").textContent),
    actions: { export: true, source: false, compiled: false, editor: false },
  };
  const waiting = new Map(); // element -> name
  const idle = window.requestIdleCallback ?? ((call) => setTimeout(call, 1));

  const busy = new WeakMap(); // element -> its last drawing: one at a time

  // A chart is one picture to a screen reader, called by the heading that it stands under.
  function call(element) {
    const svg = element.querySelector("svg.marks"), under = element.previousElementSibling?.textContent.trim() || "Chart";
    for (const part of svg.querySelectorAll("[role], [aria-label]")) {
      for (const name of ["role", "aria-label", "aria-roledescription"]) part.removeAttribute(name);
    }
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", `${under}: a chart; its numbers are in the tables`);
    element.querySelector("summary")?.setAttribute("aria-label", `Save the chart: ${under}`);
  }

  function unpacked(text) {
    const bytes = Uint8Array.from(atob(text), (each) => each.charCodeAt(0));
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate")));
  }

  // What a chart draws: each is packed by itself, as most are never looked at.
  const specOf = (name) => unpacked(packed[name]).json();

  // Vega itself, which is packed too; it starts with the first chart.
  let started = null;
  async function start() {
    const script = document.createElement("script");
    script.textContent = await unpacked(document.getElementById("vega").textContent).text();
    document.head.append(script);
  }

  function embed(element, name, change = () => {}) {
    waiting.delete(element);
    const last = busy.get(element) ?? Promise.resolve();
    const next = last
      .then(() => (started ??= start()))
      .then(() => specOf(name))
      .then((spec) => {
        for (const rows of Object.values(spec.datasets ?? {})) change(rows);
        return vegaEmbed(element, spec, { ...options, downloadFileName: name });
      })
      .then(() => call(element));
    busy.set(element, next);
    return next;
  }

  const draw = (element, name = waiting.get(element)) => embed(element, name);

  const sight = new IntersectionObserver((entries) => {
    for (const entry of entries) if (entry.isIntersecting && waiting.has(entry.target)) draw(entry.target);
  }, { rootMargin: "200px" });

  async function drawNext() {
    const next = waiting.keys().next();
    if (next.done) return;
    await draw(next.value);
    idle(drawNext);
  }

  function show(element, name) {
    waiting.set(element, name);
    sight.observe(element);
    if (waiting.size === 1) idle(drawNext);
  }

  // Draws a chart again with other data: change(rows) is called with the rows of each of its data sets.
  const redraw = embed;

  for (const element of document.querySelectorAll("[data-chart]")) show(element, element.dataset.chart);
  for (const select of document.querySelectorAll("select[data-pick]")) {
    const slug = select.dataset.pick, name = `pick${slug}`;
    const parts = [...document.querySelectorAll("[data-kind]")].filter((element) => element.dataset.slug === slug);
    const pick = () => {
      const kinds = JSON.parse(select.value);
      for (const element of parts) {
        const chart = kinds[element.dataset.kind];
        element.closest("[data-part]").hidden = !chart;
        if (chart) show(element, chart);
        else waiting.delete(element), element.replaceChildren();
      }
    };
    select.addEventListener("change", () => {
      state.set(name, select.selectedIndex ? select.selectedOptions[0].text : "");
      pick();
    });
    let picked = -1;
    state.watch(() => {
      const place = Math.max([...select.options].findIndex((option) => option.text === state.get(name)), 0);
      select.selectedIndex = place;
      if (place !== picked) pick();
      picked = place;
    });
  }
  return { redraw };
})();
