// The reader's own margins, q and exposure: every verdict gets the label that it has with them.
"use strict";

const choices = (() => {
  const data = JSON.parse(document.getElementById("claims").textContent);
  const cells = new Map(); // claim -> where it is shown
  for (const cell of document.querySelectorAll("[data-claim]")) {
    cells.set(cell.dataset.claim, [...(cells.get(cell.dataset.claim) ?? []), cell]);
  }
  const labels = new Map(data.labels.map((each) => [each.name, each])); // in the order of the legend
  const found = new Map(); // claim -> its label by the reader's choice; only where there is one
  const claim = (id) => {
    const at = id.lastIndexOf("/");
    return data.tasks[id.slice(0, at)].claims[Number(id.slice(at + 1))];
  };
  const positive = (text) => (Number(text) > 0 && Number(text) < Infinity ? Number(text) : null);

  function choice(slug) {
    const times = positive(state.get("margin")) ?? 1, price = positive(state.get("price")) ?? 1;
    return {
      rate: Math.min(positive(state.get("q")) ?? data.settings.rate, 1),
      margin: (each) => positive(state.get(`margin${slug}.${each.measurement}`)) ?? each.margin * times,
      capability: (each) => each.capability_margin * price,
    };
  }

  const chosen = () => state.names().filter((name) => /^(margin|price$|q$)/.test(name));

  function paint(cell, own, each) {
    const { label, starred, match } = each ?? { ...own, match: null };
    const shown = labels.get(label), star = starred ? data.star : "";
    for (const of of labels.values()) cell.classList.remove(of.style);
    cell.classList.add(shown.style);
    cell.classList.toggle("changed", each !== undefined && (label !== own.label || starred !== own.starred));
    cell.querySelector("[data-part=mark]").textContent = `${shown.mark}${star}`;
    const word = cell.querySelector("[data-part=label]"), beyond = cell.querySelector("[data-part=beyond]");
    if (word) word.textContent = label;
    if (!beyond) return;
    beyond.dataset.own ??= beyond.textContent;
    const said = match === null ? "" : own.matches[match].said;
    beyond.textContent = said ? (beyond.dataset.short === undefined ? said : said.split(" ")[0]) : beyond.dataset.own;
  }

  function relabel() {
    found.clear();
    const own = chosen().length > 0, counts = {};
    let changed = 0, all = 0;
    for (const [slug, task] of Object.entries(data.tasks)) {
      const of = choice(slug);
      const made = own && !task.fixed ? audit.labels(task.claims, data.settings, of) : [];
      task.claims.forEach((each, i) => {
        const id = `${slug}/${i}`, now = made[i];
        if (now) found.set(id, { ...now, margin: of.margin(each), capability: of.capability(each), rate: of.rate });
        for (const cell of cells.get(id) ?? []) paint(cell, each, now);
        if (!each.area || data.settings.placebos.includes(each.method)) return;
        const { label, starred } = now ?? each;
        all += 1;
        counts[label] = (counts[label] ?? 0) + 1;
        changed += label !== each.label || starred !== each.starred;
      });
    }
    document.body.classList.toggle("own", own);
    const panel = document.getElementById("choices");
    if (!panel) return;
    const said = [...labels.keys()].filter((label) => counts[label]).map((label) => `${counts[label]} ${label}`);
    panel.querySelector("[data-part=counts]").textContent = own
      ? `By your choice: ${said.join(", ")}. ${changed} of ${all} labels differ from the ${panel.dataset.made} ones.`
      : `Labels are those of the ${panel.dataset.made} choice.`;
    panel.querySelector("[data-part=reset]").hidden = !own && !exposed();
  }

  const exposed = () => state.names().some((name) => name.startsWith("exposure"));

  // Risk is exposure x vulnerability; what is not chosen keeps the exposure that it had.
  function weigh() {
    for (const element of document.querySelectorAll("[data-risks]")) {
      const slug = element.dataset.risks, mine = (hazard) => state.get(`exposure${slug}.${hazard}`);
      if (!state.names().some((name) => name.startsWith(`exposure${slug}.`)) && !element.dataset.own) continue;
      element.dataset.own = "yes";
      charts.redraw(element, `risks${slug}`, (rows) => {
        for (const row of rows) {
          const share = Number(mine(row.hazard) ?? NaN);
          if (share >= 0 && share < Infinity) row.exposure = share;
          row.risk = row.exposure * row.vulnerability;
        }
      });
    }
  }

  // A number in a field, with a slider of its logarithm beside it; the field's default is the choice that was made.
  for (const input of document.querySelectorAll("input[data-choice]")) {
    const name = input.dataset.choice, slider = document.querySelector(`input[data-slider="${CSS.escape(name)}"]`);
    const apply = () => {
      input.value = state.get(name) ?? input.defaultValue;
      input.classList.toggle("chosen", state.get(name) !== null);
      if (slider) slider.value = Math.log2(input.value);
    };
    const choose = (value) => {
      const known = name.startsWith("exposure") ? value !== "" && Number(value) >= 0 : positive(value) !== null;
      state.set(name, known && value !== input.defaultValue ? value : "");
      apply();
      relabel();
      weigh();
    };
    input.addEventListener("change", () => choose(input.value));
    slider?.addEventListener("input", () => choose(String(Number((2 ** slider.value).toPrecision(3)))));
    state.watch(apply);
  }
  document.querySelector("#choices [data-part=reset]")?.addEventListener("click", () => {
    for (const name of state.names()) if (/^(margin|price$|q$|exposure)/.test(name)) state.set(name, "");
    state.apply();
  });
  state.watch(relabel);
  state.watch(weigh);
  return { claim, data, found };
})();
