// SPDX-License-Identifier: Apache-2.0
// The page is whole without this: it adds the filter, and opens what is linked to.
"use strict";
(() => {
  const all = (query) => Array.from(document.querySelectorAll(query));
  const functions = all(".fn");
  const bar = document.querySelector(".bar");
  const input = document.querySelector("#filter");
  const count = document.querySelector(".bar .count");
  const chips = all(".bar button[data-class]");
  if (!bar || !input) return;
  bar.hidden = false;

  const texts = new Map();
  const textOf = (one) => {
    if (!texts.has(one)) texts.set(one, one.textContent.toLowerCase());
    return texts.get(one);
  };
  const apply = () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = chips.filter((c) => c.getAttribute("aria-pressed") === "true")
      .map((c) => c.dataset.class);
    let shown = 0;
    for (const one of functions) {
      const classes = one.dataset.classes.split(" ");
      const fits = wanted.every((c) => classes.includes(c)) &&
        words.every((w) => textOf(one).includes(w));
      one.hidden = !fits;
      shown += fits;
    }
    count.textContent = shown === functions.length
      ? `${shown} functions` : `${shown} of ${functions.length} functions`;
  };
  const open = () => {
    const one = location.hash.length > 1 &&
      document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (one && one.classList.contains("fn")) {
      one.hidden = false;
      one.open = true;
      one.scrollIntoView();
    }
  };
  input.addEventListener("input", apply);
  for (const chip of chips) {
    chip.addEventListener("click", () => {
      chip.setAttribute("aria-pressed", chip.getAttribute("aria-pressed") !== "true");
      apply();
    });
  }
  const toggle = document.querySelector("#toggle");
  toggle.addEventListener("click", () => {
    const shown = functions.filter((one) => !one.hidden);
    const wish = shown.some((one) => !one.open);
    for (const one of shown) one.open = wish;
    toggle.textContent = wish ? "Close all" : "Open all";
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && document.activeElement !== input) {
      event.preventDefault();
      input.focus();
    }
  });
  window.addEventListener("hashchange", open);
  window.addEventListener("beforeprint", () => functions.forEach((one) => { one.open = true; }));
  apply();
  open();
})();
