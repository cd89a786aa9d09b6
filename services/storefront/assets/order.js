// Looks whether the order has moved on, ever less often, and shows the page anew when it has.
// payment.js says when there is news to expect.
const order = document.querySelector("[data-order]");
const here = order.dataset.order;
const slowest = 1000 * (order.dataset.waiting ?? 0);
let pause = 1_000;
let timer = 0;

async function look() {
  try {
    const answer = await fetch(`${here}/progress`, { cache: "no-store" });
    if (answer.ok) {
      const progress = await answer.json();
      if (progress.mark !== order.dataset.mark) return location.replace(here);
    }
  } catch {
    // no connection at this moment: look again later
  }
  lookAgain();
}

function lookAgain() {
  clearTimeout(timer);
  timer = setTimeout(look, pause);
  pause = Math.min(pause * 1.4, slowest);
}

function expectNews() {
  pause = 300;
  lookAgain();
}

// The payment provider sends the shopper back with its own words in the address, a secret among them.
if (location.search) history.replaceState(null, "", here);

for (const time of document.querySelectorAll("time[data-local]")) {
  time.textContent = new Date(time.dateTime).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}

if ("waiting" in order.dataset) {
  lookAgain();
  document.addEventListener("kiosk:payment", expectNews);
  document.addEventListener("visibilitychange", () => document.hidden || expectNews());
}
