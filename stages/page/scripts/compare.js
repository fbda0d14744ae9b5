// Two methods side by side: the paired difference between them in every area that both are judged in.
"use strict";

{
  const pairs = JSON.parse(document.getElementById("pairs").textContent), panel = document.getElementById("compare");
  const selects = panel ? [...panel.querySelectorAll("select")] : [];

  function cell(text, name = "") {
    const made = document.createElement("td");
    made.textContent = text;
    made.className = name;
    return made;
  }

  function fill() {
    const [one, other] = selects.map((select) => select.value);
    const rows = pairs.filter((row) => row.method === one && row.other === other);
    panel.querySelector("tbody").replaceChildren(
      ...rows.map((row) => {
        const made = document.createElement("tr");
        made.append(cell(row.task), cell(row.area), cell(row.said), cell(row.beyond, "n"), cell(row.total, "n"),
          cell(row.natural, "n"), cell(row.capability, "n"), cell(row.rests_on, "n"));
        return made;
      }),
    );
    panel.querySelector("[data-part=none]").hidden = rows.length > 0;
    panel.querySelector("[data-part=found]").hidden = rows.length === 0;
  }

  for (const select of selects) {
    select.addEventListener("change", () => {
      state.set("compare", selects.map((each) => each.value).join("~"));
      state.apply();
    });
  }
  if (panel) {
    state.watch(() => {
      const chosen = (state.get("compare") ?? "").split("~");
      selects.forEach((select, i) => {
        const place = [...select.options].findIndex((option) => option.value === chosen[i]);
        select.selectedIndex = place < 0 ? Math.min(i, select.options.length - 1) : place;
      });
      fill();
    });
  }
}
