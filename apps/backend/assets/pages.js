// What makes the pages more comfortable. Without it, everything works.
"use strict";
const { lang } = document.documentElement;
const all = (selector) => document.querySelectorAll(selector);

// The email address that was typed goes along to the next form of this tab.
for (const field of all("input[data-kept]")) {
  field.value ||= sessionStorage.getItem("email") ?? "";
  field.addEventListener("change", () => sessionStorage.setItem("email", field.value));
}

// A reader begins where something was done or refused, in the field that is wrong, or in the first that is empty.
const begin = document.querySelector("main [autofocus]");
const empty = [...(begin?.form.elements ?? [])].find((field) => field.matches("input:not([type=hidden], [hidden])") && !field.value);
const first = begin?.matches("[aria-invalid]") ? begin : empty ?? begin;
(document.querySelector("[data-focus]") ?? first)?.focus();

for (const button of all("[data-reveals]")) {
  const field = document.getElementById(button.dataset.reveals);
  const show = (shown) => {
    field.type = shown ? "text" : "password";
    button.textContent = shown ? button.dataset.hide : button.dataset.show;
    button.setAttribute("aria-label", `${button.textContent}: ${button.dataset.of}`);
  };
  show(false);
  button.hidden = false;
  button.addEventListener("click", () => { show(field.type === "password"); field.focus(); });
  field.form.addEventListener("submit", () => show(false));
}

// What is known of a password before it is sent is its length.
for (const hint of all("[data-least]")) {
  const field = document.getElementById(hint.dataset.of);
  field.addEventListener("input", () => hint.classList.toggle("met", [...field.value.normalize()].length >= Number(hint.dataset.least)));
}

// An error goes when its field is changed.
for (const field of all("[aria-invalid]")) {
  field.addEventListener("input", () => {
    document.getElementById(`${field.id}-wrong`)?.remove();
    field.removeAttribute("aria-invalid");
  }, { once: true });
}

// A code that is whole sends itself, where nothing else is missing.
for (const field of all("[data-code]")) {
  field.addEventListener("input", () => {
    const whole = (field.value.match(/\p{Nd}/gu) ?? []).length === 6;
    if (whole && field.form.checkValidity()) field.form.requestSubmit();
  });
}

// A language that was chosen by mouse or touch is applied at once. By keyboard, a closed list changes with every key, so the
// button appears instead (WCAG 2.2, 3.2.2).
for (const form of all("[data-at-once]")) {
  const [list, button] = [form.querySelector("select"), form.querySelector("button")];
  let pointed = false;
  button.hidden = true;
  list.addEventListener("pointerdown", () => { pointed = true; });
  list.addEventListener("keydown", () => { pointed = false; });
  list.addEventListener("change", () => {
    if (pointed) form.requestSubmit();
    else button.hidden = false;
  });
}

// Who clicks twice means it once. Where the page is still there later, nothing has come of it but a file, or nothing at all:
// then it may be meant again.
const free = (form) => {
  delete form.dataset.sent;
  for (const button of form.querySelectorAll("[aria-disabled]")) button.removeAttribute("aria-disabled");
};
for (const form of document.forms) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "yes";
    (event.submitter ?? form.querySelector("button:not([type=button])"))?.setAttribute("aria-disabled", "true");
    setTimeout(free, 2000, form);
  });
}
addEventListener("pageshow", () => { for (const form of document.forms) free(form); });

// The answer to an application sends itself.
for (const form of all("[data-sends-itself]")) form.requestSubmit();

// Times as they are on the reader's clock, and how long ago where that says more.
const units = [["minute", 60], ["hour", 3600], ["day", 86400]];
for (const time of all("time[data-local]")) {
  const at = new Date(time.dateTime);
  const ago = (Date.now() - at) / 1000;
  const [unit, size] = units.findLast(([, size]) => ago >= size) ?? units[0];
  const whole = new Intl.DateTimeFormat(lang, { dateStyle: "long", timeStyle: "short" }).format(at);
  time.title = whole;
  const near = new Intl.RelativeTimeFormat(lang, { numeric: "auto" });
  time.textContent = ago < 7 * 86400 ? near.format(-Math.max(1, Math.floor(ago / size)), unit) : whole;
}

// How long to wait until the next attempt.
for (const clock of all("[data-wait]")) {
  const end = Date.now() + Number(clock.dataset.wait) * 1000;
  const tick = () => {
    const left = Math.max(0, Math.ceil((end - Date.now()) / 1000));
    const two = (number) => String(number).padStart(2, "0");
    const [hours, minutes] = [Math.floor(left / 3600), Math.floor(left / 60) % 60];
    clock.textContent = `${hours ? `${hours}:${two(minutes)}` : minutes}:${two(left % 60)}`;
    if (left > 0) return;
    clearInterval(timer);
    clock.closest("[role=alert]").textContent = clock.dataset.over;
  };
  const timer = setInterval(tick, 1000);
  tick();
}
