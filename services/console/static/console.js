// Keeps a page current. Without this file the page works the same, but stands still.
"use strict";

const QUIET_TOO_LONG_MS = 20000;
const RETRY_MS = 3000;
const PRESSED_AT_MOST_MS = 1000;
const READ_MS = 700;
const main = () => document.getElementById("main");
const address = main().dataset.live;
const liveness = document.getElementById("liveness");
const announce = document.getElementById("announce");
let title = document.title;
let heard = Date.now();
// The tokens of a form are written anew on each page, and mean the same.
const withoutTokens = (part) => part.outerHTML.replace(/(name="(?:csrf|token)" value=")[^"]*/g, "$1");
let shown = withoutTokens(main());
// What the stream said last, whether it is broken off, and whether the page could not be renewed.
let told = "alive";
let broken = false;
let failed = false;
let fetching = false;
let again = false;
// Whether a form is on its way; since when something is pressed; when the page was renewed last,
// and which buttons had stood there long enough.
let going = false;
let pressed = -Infinity;
let renewed = -Infinity;
let familiar = new Set();

// Ages go by the server's clock: this machine's may be wrong.
const ahead = liveness.dataset.now ? Date.parse(liveness.dataset.now) - Date.now() : 0;
const MINUTE = 60000;
const TOLD_FOR_MS = 48 * 60 * MINUTE;

function distance(ms) {
  const minutes = Math.floor(ms / MINUTE);
  if (minutes < 1) return "less than a minute";
  return minutes < 120 ? `${minutes} min` : `${Math.floor(minutes / 60)} h`;
}

// Beside the moment itself, never in its place, and only as long as it says more than the date.
function tellAges() {
  const now = Date.now() + ahead;
  for (const time of document.querySelectorAll("time[datetime*='T']")) {
    const age = now - Date.parse(time.dateTime);
    const told = Math.abs(age) > TOLD_FOR_MS ? ""
      : age < 0 ? ` (in ${distance(-age)})` : ` (${distance(age)} ago)`;
    let place = time.querySelector(".ago");
    if (!place && !told) continue;
    place ??= time.appendChild(Object.assign(document.createElement("span"), { className: "ago" }));
    if (place.textContent !== told) place.textContent = told;
  }
}

const clock = (ms) => new Date(ms).toLocaleTimeString([], { hour12: false });

function show(live, text) {
  liveness.className = live ? "liveness live" : "liveness lost";
  if (liveness.textContent !== text) liveness.textContent = text;
  document.title = live ? title : "Not live: " + title;
}

function signals() {
  return new Map([...document.querySelectorAll("[data-signal]")].map((li) => [li.dataset.signal, li]));
}

// A part that takes longer than a page may is a link until it is here.
async function load(place) {
  try {
    const response = await fetch(place.dataset.load, { cache: "no-store" });
    if (!response.ok || response.redirected) return;
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const part = page.getElementById(place.id);
    if (part && place.isConnected) place.replaceWith(document.importNode(part, true));
  } catch {
    // The link stays.
  }
}

function loadParts(before) {
  for (const place of document.querySelectorAll("[data-load]")) {
    const known = before?.querySelector(`#${place.id}:not([data-load])`);
    if (known && known.dataset.digest === place.dataset.digest) place.replaceWith(known);
    else load(place);
  }
}

function isChanged(field) {
  if (field.type === "checkbox" || field.type === "radio") return field.checked !== field.defaultChecked;
  if (field.options) return [...field.options].some((one) => one.defaultSelected !== one.selected && one.index > 0);
  return field.value !== field.defaultValue;
}

// What somebody has begun to fill in is never taken away.
const isBegun = () => [...main().querySelectorAll("input, select, textarea")]
  .some((field) => field === document.activeElement || isChanged(field));

function sameAs(element) {
  if (element?.id) return document.getElementById(element.id);
  return element?.href && [...main().querySelectorAll("a")].find((a) => a.href === element.href);
}

// A button: what it would send, and where one aims at it.
function aim(button) {
  const { left, top } = button.getBoundingClientRect();
  return [Math.round(left), Math.round(top), withoutTokens(button.form ?? button)].join();
}

const isFamiliar = (aimed) => performance.now() - renewed >= READ_MS || familiar.has(aimed);

function putIn(fresh) {
  const next = document.importNode(fresh.getElementById("main"), true);
  const written = withoutTokens(next);
  const stays = written === shown || isBegun();
  document.getElementById("moved").hidden = written === shown || !stays || "problem" in next.dataset;
  if (stays) return;
  shown = written;
  const open = new Set([...document.querySelectorAll("details[open]")].map((d) => d.dataset.key));
  const known = signals();
  const recent = new Set([...document.querySelectorAll(".signal.new")].map((li) => li.dataset.signal));
  const focused = document.activeElement;
  const sideways = document.querySelector(".columns")?.scrollLeft ?? 0;
  for (const details of next.querySelectorAll("details")) {
    if (details.dataset.key && open.has(details.dataset.key)) details.open = true;
  }
  title = fresh.title;
  const before = main();
  familiar = new Set([...before.querySelectorAll("button")].map(aim).filter(isFamiliar));
  renewed = performance.now();
  before.replaceWith(next);
  loadParts(before);
  tellAges();
  const columns = document.querySelector(".columns");
  if (columns) columns.scrollLeft = sideways;
  if (!focused?.isConnected) sameAs(focused)?.focus({ preventScroll: true });
  const raised = [...signals()].filter(([id]) => !known.has(id)).map(([, li]) => li);
  for (const [id, li] of signals()) li.classList.toggle("new", recent.has(id) || !known.has(id));
  if (raised.length) {
    const heads = raised.map((li) => li.querySelector(".signal-head").textContent.trim());
    announce.textContent = "New: " + heads.join("; ");
  }
}

// What is pressed has to be there still when it is let go, or nothing happens.
async function released() {
  while (performance.now() - pressed < PRESSED_AT_MOST_MS) await new Promise((soon) => setTimeout(soon, 20));
}

async function refresh() {
  if (fetching) {
    again = true;
    return;
  }
  fetching = true;
  try {
    do {
      const began = performance.now();
      again = false;
      const response = await fetch(location.href, { cache: "no-store" });
      if (response.redirected) return leave();
      const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
      await released();
      putIn(fresh);
      failed = "problem" in fresh.getElementById("main").dataset;
      tellState();
      // A page that takes long to make is made seldom.
      const took = performance.now() - began;
      await new Promise((rested) => setTimeout(rested, took));
    } while (again);
  } catch {
    failed = true;
    tellState();
  } finally {
    fetching = false;
  }
}

function whyNotLive() {
  if (told === "signed-out") return "you are signed out";
  if (broken) return "this page may be out of date since " + clock(heard);
  if (told === "lost") return "the monitor does not answer";
  if (failed) return "this page could not be renewed";
  if (told === "alerts-lost") return "new alerts may be missing";
  return null;
}

function tellState() {
  const why = whyNotLive();
  show(!why, why ? "Not live: " + why : "Live, checked " + clock(heard));
}

function hear(state) {
  heard = Date.now();
  told = state;
  broken = false;
  tellState();
}

// The page of a session that has ended goes, but for what was written on it. Where a form is on its
// way, as the one that signs out, another page comes anyhow, and to reload this one would stop it.
function leave() {
  if (going || isBegun()) hear("signed-out");
  else location.reload();
}

function lost() {
  broken = true;
  tellState();
}

// A browser opens few connections to a server: a page nobody sees must not keep one.
let stream;
function listen() {
  if (document.hidden || told === "signed-out" || (stream && stream.readyState !== EventSource.CLOSED)) return;
  stream = new EventSource(address);
  stream.addEventListener("alive", () => {
    hear("alive");
    if (failed) refresh();
  });
  stream.addEventListener("alerts-lost", () => hear("alerts-lost"));
  stream.addEventListener("changed", () => {
    hear(told);
    refresh();
  });
  stream.addEventListener("lost", () => {
    hear("lost");
    refresh();
  });
  stream.addEventListener("signed-out", () => {
    stream.close();
    leave();
  });
  stream.addEventListener("error", () => {
    lost();
    // The browser reconnects by itself, except after an answer it takes for final.
    if (stream.readyState === EventSource.CLOSED) {
      refresh();
      setTimeout(listen, RETRY_MS);
    }
  });
}

addEventListener("submit", () => { going = true; });
addEventListener("pointerdown", () => { pressed = performance.now(); });
for (const end of ["pointerup", "pointercancel"]) addEventListener(end, () => { pressed = -Infinity; });
// Who presses a button this soon after it came or moved has aimed at what stood there before, and
// would acknowledge an alert unread.
addEventListener("click", (event) => {
  const button = event.target.closest?.("#main button");
  if (button && !isFamiliar(aim(button))) event.preventDefault();
}, true);

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) return listen();
  stream?.close();
  lost();
});
loadParts();
tellAges();
setInterval(tellAges, MINUTE / 2);
listen();
setInterval(() => {
  if (Date.now() - heard > QUIET_TOO_LONG_MS) lost();
}, 2000);
