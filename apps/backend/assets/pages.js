// What makes the pages more comfortable. Without it, everything works.
"use strict";

// Where something is wrong, or has been done, a screen reader begins there.
document.querySelector("[data-focus]")?.focus();

for (const button of document.querySelectorAll("button[data-reveals]")) {
  const field = document.getElementById(button.dataset.reveals);
  button.hidden = false;
  button.addEventListener("click", () => {
    const shown = field.type === "password";
    field.type = shown ? "text" : "password";
    button.setAttribute("aria-pressed", String(shown));
    field.focus();
  });
  field.form?.addEventListener("submit", () => { field.type = "password"; });
}

// A hint, never a hurdle: the server's rules decide.
for (const bar of document.querySelectorAll("[data-strength-of]")) {
  const field = document.getElementById(bar.dataset.strengthOf);
  bar.hidden = false;
  field.addEventListener("input", () => {
    const kinds = new Set(field.value.toLowerCase()).size;
    const length = [...field.value].length;
    const level = length === 0 ? 0 : length < Number(field.dataset.least) || kinds < 5 ? 1 : length < 14 || kinds < 8 ? 2 : 3;
    bar.dataset.level = String(level);
  });
}

// Somebody who clicks twice means it once. Where the page is still there later, nothing has come of it but a file, or
// nothing at all: then it may be meant again.
for (const form of document.forms) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "yes";
    setTimeout(() => { delete form.dataset.sent; }, 2000);
  });
}
addEventListener("pageshow", () => { for (const form of document.forms) delete form.dataset.sent; });
