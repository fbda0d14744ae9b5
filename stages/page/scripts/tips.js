// What a verdict rests on, beside the cell that the pointer or the focus is on. Escape hides it.
"use strict";

{
  const tip = document.createElement("div");
  tip.id = "tip";
  tip.role = "tooltip";
  tip.hidden = true;
  document.querySelector("main").append(tip);
  const number = (value) => Number(value.toPrecision(3));
  let of = null;

  function said(id) {
    const own = choices.claim(id), now = choices.found.get(id);
    if (!now) return own.hover;
    const { label, starred, match, margin, capability, rate, p, q } = now, { star } = choices.data;
    const lines = [
      `By your choice: ${label}${starred ? ` ${star}` : ""}`,
      `margins: ${number(margin)} of safety, ${number(capability)} of capability; q at most ${number(rate)}`,
    ];
    const held = Object.keys(own.matches).length > 1 ? `, at equal ${match === "flops" ? "FLOPs" : "epochs"}` : "";
    if (own.matches[match]) lines.push(`D ${own.matches[match].said}${held}`);
    if (q !== null) lines.push(`p ${number(p)}, q ${number(q)} that D is no more than the margin`);
    return `${lines.join("\n")}\n\nBy the ${document.getElementById("choices").dataset.made} choice: ${own.hover}`;
  }

  function show(event) {
    const cell = event.target.closest("[data-claim]");
    if (!cell) return event.target === tip || tip.contains(event.target) ? undefined : hide();
    of = cell;
    tip.textContent = said(cell.dataset.claim);
    (cell.querySelector("a") ?? cell).setAttribute("aria-describedby", "tip");
    tip.hidden = false;
    const at = cell.getBoundingClientRect(), size = tip.getBoundingClientRect();
    const below = at.bottom + size.height < innerHeight || at.top < size.height;
    tip.style.left = `${Math.max(4, Math.min(at.left, innerWidth - size.width - 8)) + scrollX}px`;
    tip.style.top = `${(below ? at.bottom : at.top - size.height) + scrollY}px`;
  }

  function hide() {
    (of?.querySelector("a") ?? of)?.removeAttribute("aria-describedby");
    tip.hidden = true;
    of = null;
  }

  // Where nothing hovers, the first tap on a cell tells what it rests on, the second follows its link.
  let tapped = null;
  document.addEventListener("click", (event) => {
    const cell = event.target.closest("[data-claim]");
    const tap = event.detail > 0 && matchMedia("(hover: none)").matches; // no key's click
    if (cell && cell !== tapped && tap) {
      event.preventDefault();
      event.stopImmediatePropagation();
      show(event);
    }
    tapped = cell;
  }, { capture: true });

  addEventListener("mouseover", show);
  addEventListener("focusin", show);
  addEventListener("keydown", (event) => event.key === "Escape" && hide());
}
