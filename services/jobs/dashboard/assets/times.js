// Keeps "3 min ago" true while the page stays open. The rules are those of words.py.

const sizes = [[86_400, "d"], [3_600, "h"], [60, "min"], [1, "s"]];

export function relative(moment, now = Date.now()) {
  const seconds = (now - moment) / 1000;
  const distance = Math.abs(seconds);
  if (distance < 2) return seconds < 0 ? "now" : "just now";
  if (distance >= 28 * 86_400) return null; // a date; it stays as it is
  const [size, name] = sizes.find(([size]) => distance >= size);
  const amount = `${Math.floor(distance / size)} ${name}`;
  return seconds > 0 ? `${amount} ago` : `in ${amount}`;
}

function refresh() {
  for (const time of document.querySelectorAll("time[data-ago]")) {
    const text = relative(Date.parse(time.dateTime));
    if (text && text !== time.textContent) time.textContent = text;
  }
}

setInterval(() => document.hidden || refresh(), 5_000);
document.addEventListener("visibilitychange", () => document.hidden || refresh());
