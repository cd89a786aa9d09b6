// The keyboard: `/` to the filter, `j` and `k` along the rows, Enter opens, `x` picks, `?` shows the keys.

const dialog = document.getElementById("keys");
const places = {
  o: "/jobs", j: "/jobs/list", f: "/jobs/failures", q: "/jobs/queues", w: "/jobs/workers", r: "/jobs/recurring",
};
let awaitingPlace = 0;

function isTyping(target) {
  return target.matches("input:not([type='checkbox']), select, textarea, [contenteditable]");
}

function rows() {
  return [...document.querySelectorAll("[data-rows] tbody tr")].filter((row) => row.querySelector(".row-link"));
}

function move(step) {
  const all = rows();
  if (!all.length) return;
  const here = all.findIndex((row) => row.classList.contains("is-here"));
  const next = all[Math.min(all.length - 1, Math.max(0, here < 0 ? (step > 0 ? 0 : all.length - 1) : here + step))];
  all[here]?.classList.remove("is-here");
  next.classList.add("is-here");
  next.querySelector(".row-link").focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
}

const keys = {
  "/": () => document.querySelector("[data-focus-key]")?.focus(),
  j: () => move(1),
  k: () => move(-1),
  x: () => document.querySelector(".is-here .row-pick input")?.click(),
  p: () => document.dispatchEvent(new Event("kiosk:toggle-live")),
  g: () => { awaitingPlace = Date.now(); },
  "?": () => dialog.showModal(),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || dialog.open) return;
  if (Date.now() - awaitingPlace < 1_500 && event.key in places) {
    awaitingPlace = 0;
    location.assign(places[event.key]);
    return;
  }
  const act = keys[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});

document.addEventListener("focusin", ({ target }) => {
  const row = target.closest?.("[data-rows] tbody tr");
  for (const other of document.querySelectorAll(".is-here")) if (other !== row) other.classList.remove("is-here");
  if (row && target.matches(".row-link")) row.classList.add("is-here");
});

document.getElementById("show-keys")?.addEventListener("click", () => dialog.showModal());
dialog?.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });

// In bars that scroll, where one is comes into view.
for (const here of document.querySelectorAll(".desk-nav [aria-current], .state-tabs [aria-current]")) {
  const bar = here.closest("ul");
  bar.scrollLeft = here.offsetLeft - (bar.clientWidth - here.offsetWidth) / 2;
}
