// Figures that stay true: the server sends what has changed, by server-sent events. `data-live-text` names
// a figure, `data-live-region` a part of the page that is fetched anew when something about it happened.
// The switch in the head pauses it all, and is remembered. Pages are complete without it.

const remembered = "kiosk.jobs.live";
const button = document.getElementById("live-switch");
const state = document.getElementById("live-state");
const announcer = document.getElementById("announcer");

// What this page is about, and how it stood when the page was made.
function address() {
  const { liveWatch, liveKnown = "" } = document.querySelector("[data-live-watch]")?.dataset ?? {};
  const watched = liveWatch ? `?${new URLSearchParams({ watch: liveWatch, known: liveKnown })}` : "";
  return document.body.dataset.live + watched;
}

let source;
let waiting;

function show(name) {
  button.dataset.state = name;
  button.setAttribute("aria-pressed", String(name === "paused"));
  state.textContent = { live: "Live", paused: "Paused", lost: "Reconnecting" }[name];
  button.title = name === "paused" ? "Resume live figures (p)" : "Pause live figures (p)";
}

function isPaused() {
  try {
    return localStorage.getItem(remembered) === "paused";
  } catch {
    return false; // a browser that remembers nothing
  }
}

function remember(value) {
  try {
    localStorage.setItem(remembered, value);
  } catch {
    // then it holds for this page
  }
}

function write(figures) {
  for (const [name, text] of Object.entries(figures)) {
    for (const element of document.querySelectorAll(`[data-live-text="${CSS.escape(name)}"]`)) {
      if (element.textContent === text) continue;
      element.textContent = text;
      if ("liveHideZero" in element.dataset) element.hidden = text === "0";
      element.closest(".tile")?.classList.toggle("tile-zero", text === "0");
    }
    for (const element of document.querySelectorAll(`progress[data-live-value="${CSS.escape(name)}"]`)) {
      element.value = Number(text);
    }
  }
}

// A region is left alone while somebody is at work in it.
async function refresh(name) {
  const region = document.querySelector(`[data-live-region="${CSS.escape(name)}"]`);
  if (!region) return;
  const answer = await fetch(location.href, { headers: { "X-Requested-By": "live" }, cache: "no-store" });
  if (!answer.ok || answer.redirected) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const replacement = fresh.querySelector(`[data-live-region="${CSS.escape(name)}"]`);
  if (!replacement || region.contains(document.activeElement) && document.activeElement !== document.body) return;
  const open = [...region.querySelectorAll("details")].map((details) => details.open);
  region.replaceWith(document.adoptNode(replacement));
  [...replacement.querySelectorAll("details")].forEach((details, place) => { if (open[place]) details.open = true; });
}

function hear(event) {
  const { figures = {}, regions = [], say } = JSON.parse(event.data);
  write(figures);
  for (const name of regions) refresh(name);
  if (say) announcer.textContent = say;
}

function connect() {
  clearTimeout(waiting);
  source?.close();
  source = new EventSource(address());
  source.addEventListener("open", () => show("live"));
  source.addEventListener("message", hear);
  source.addEventListener("error", () => {
    show("lost");
    // A browser gives up where the answer was no stream; a deploy or a lost session looks like that.
    if (source.readyState === EventSource.CLOSED) waiting = setTimeout(connect, 5_000);
  });
}

function disconnect() {
  clearTimeout(waiting);
  source?.close();
  source = undefined;
}

export function toggle() {
  const pause = !isPaused() || Boolean(source);
  remember(pause ? "paused" : "live");
  if (pause) {
    disconnect();
    show("paused");
  } else {
    show("lost");
    connect();
  }
}

button.hidden = false;
button.addEventListener("click", toggle);
document.addEventListener("kiosk:toggle-live", toggle);
if (isPaused()) {
  show("paused");
} else {
  show("live");
  connect();
}
// A page in the background needs no figures, and the server no listener.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) disconnect();
  else if (!isPaused() && !source) connect();
});
window.addEventListener("pagehide", disconnect);
window.addEventListener("pageshow", (event) => { if (event.persisted && !isPaused()) connect(); });
