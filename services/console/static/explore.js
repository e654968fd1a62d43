// Lets a picture be explored: the same chart with tooltips and zoom, drawn here. Without this file,
// or if the engine cannot be loaded, the picture stays.
"use strict";

const HOW = "Point at a mark for its numbers. Turn the wheel to zoom, drag to move, double-click to return.";
let engine;

function load(address) {
  engine ??= import(address);
  engine.catch(() => { engine = undefined; });
  return engine;
}

// Expressions are interpreted and styles are ours: the page's policy allows neither eval nor inline styles.
const OPTIONS = {
  ast: true,
  mode: "vega-lite",
  renderer: "canvas",
  actions: false,
  defaultStyle: false,
  tooltip: { disableDefaultStyle: true },
};

// What a mark tells is for pointers: the same stands in the table. The engine finds it by its name.
function makeTip() {
  const id = "vg-tooltip-element";
  if (document.getElementById(id)) return;
  document.getElementById("main").append(Object.assign(document.createElement("div"), { id, ariaHidden: "true" }));
}

// A click names whose mark it is before anything is opened: marks lie on each other, and a drag ends
// in a click.
function lead(status, pages, subject) {
  if (!Object.hasOwn(pages, subject)) return;
  status.replaceChildren(Object.assign(document.createElement("a"), { href: pages[subject], textContent: `Open ${subject}` }));
}

// The chart that the picture shows: on a phone the narrow one.
function addressOf(canvas) {
  const narrow = matchMedia(canvas.querySelector("source").media).matches;
  return canvas.dataset.explore + (narrow ? "&narrow=1" : "");
}

function offer(canvas) {
  const picture = canvas.querySelector("img");
  const bar = Object.assign(document.createElement("p"), { className: "explore-bar" });
  const button = Object.assign(document.createElement("button"), { type: "button", className: "quiet", textContent: "Explore" });
  const status = document.createElement("span");
  status.setAttribute("role", "status");
  bar.append(button, status);
  canvas.after(bar);
  let chart;

  async function open() {
    button.disabled = true;
    status.textContent = "Loading…";
    try {
      const [{ embed }, answer] = await Promise.all([
        load(canvas.dataset.engine),
        fetch(addressOf(canvas), { cache: "no-store" }),
      ]);
      if (!answer.ok || answer.redirected) throw new Error("no chart");
      makeTip();
      const place = document.createElement("div");
      canvas.append(place);
      const spec = await answer.json();
      const { pages } = spec.usermeta;
      chart = await embed(place, spec, OPTIONS);
      chart.view.addEventListener("click", (_event, mark) => lead(status, pages, mark?.datum?.subject));
      picture.hidden = true;
      button.textContent = "Back to the picture";
      status.textContent = Object.keys(pages).length ? `${HOW} Click a mark for its subject.` : HOW;
    } catch {
      close();
      status.textContent = "It cannot be explored now; load the page again. The picture and its numbers stand.";
    }
    button.disabled = false;
    button.focus();
  }

  function close() {
    chart?.finalize();
    chart = undefined;
    for (const place of canvas.querySelectorAll("div")) place.remove();
    picture.hidden = false;
    button.textContent = "Explore";
    status.textContent = "";
  }

  button.setAttribute("aria-label", `Explore: ${canvas.getAttribute("aria-label")}`);
  button.addEventListener("click", () => (chart ? close() : open()));
}

for (const canvas of document.querySelectorAll(".canvas[data-explore]")) offer(canvas);
