// Picking rows: all at once, how many, and no button without a picked row.

const form = document.getElementById("picked");
const all = document.getElementById("pick-all");
const count = document.getElementById("pick-count");

if (form && all) {
  const boxes = [...form.querySelectorAll("input[name='pick']")];
  const buttons = [...form.querySelectorAll("button[name='verb']")];

  function show() {
    const picked = boxes.filter((box) => box.checked).length;
    count.textContent = picked ? `${picked} picked` : "";
    all.checked = picked === boxes.length;
    all.indeterminate = picked > 0 && picked < boxes.length;
    for (const button of buttons) button.disabled = picked === 0;
  }

  all.addEventListener("change", () => {
    for (const box of boxes) box.checked = all.checked;
    show();
  });
  form.addEventListener("change", show);
  window.addEventListener("pageshow", show);
  show();
}

// The second of a double click is not sent.
document.addEventListener("submit", ({ target, submitter }) => {
  if (target.method !== "post") return;
  setTimeout(() => { if (submitter) submitter.disabled = true; });
  setTimeout(() => { if (submitter) submitter.disabled = false; }, 3_000);
});
