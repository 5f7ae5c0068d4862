// Conveniences: every page works without this script.
"use strict";
const { lang } = document.documentElement;
const all = (selector) => document.querySelectorAll(selector);

// Copies the email address that was typed to the next form in this tab.
for (const field of all("input[data-kept]")) {
  field.value ||= sessionStorage.getItem("email") ?? "";
  field.addEventListener("change", () => sessionStorage.setItem("email", field.value));
}

// Focuses the message, the invalid or the first empty field, after autofocus.
const [begin] = all("main [autofocus]");
const empty = [...begin?.form.elements ?? []].find((field) => field.matches("input:not([type=hidden],[hidden])") && !field.value);
const first = document.querySelector("[data-focus],[autofocus][aria-invalid]") ?? empty ?? begin;
requestAnimationFrame(() => first?.focus());

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

// Marks the hint when the password is long enough.
for (const hint of all("[data-least]")) {
  const field = document.getElementById(hint.dataset.of);
  field.addEventListener("input", () => hint.classList.toggle("met", [...field.value.normalize()].length >= Number(hint.dataset.least)));
}

// Removes an error when its field is changed.
for (const field of all("[aria-invalid]")) {
  field.addEventListener("input", () => {
    document.getElementById(`${field.id}-wrong`)?.remove();
    field.removeAttribute("aria-invalid");
  }, { once: true });
}

// Submits a complete code if no other field is missing.
for (const field of all("[data-code]")) {
  field.addEventListener("input", () => {
    const whole = (field.value.match(/\p{Nd}/gu) ?? []).length === 6;
    if (whole && field.form.checkValidity()) field.form.requestSubmit();
  });
}

// Applies a language chosen by mouse or touch at once. With the keyboard, a closed list changes with every key, so the
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

// Ignores a double click. If the page is still open two seconds later, the answer was a download or the request was
// canceled, so the form can be sent again.
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

// Submits the response to an application.
for (const form of all("[data-sends-itself]")) form.requestSubmit();

// Shows times in the time zone of the browser, and recent ones as relative times.
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

// Counts down to the next attempt.
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
