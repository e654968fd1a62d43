// Says in time that a session is about to end. Without this file it ends as the page states.
"use strict";

(() => {
  const box = document.getElementById("staying");
  const said = box.querySelector("p");
  const stay = box.querySelector("button");
  const csrf = document.querySelector(".leave [name=csrf]").value;
  const WARN_MS = Number(box.dataset.warn) * 1000;
  // Long timers do not run while a machine sleeps: look at the clock now and then.
  const LOOK_MS = Math.min(15000, WARN_MS / 10);
  let endsAt = Date.now() + Number(box.dataset.left) * 1000;
  let state = "quiet";

  function say(next, text, canStay) {
    if (state === next) return;
    state = next;
    stay.hidden = !canStay;
    box.hidden = !text;
    said.textContent = text;
  }

  // Whether the session is still open; throws where nobody answers.
  async function ask(address, how) {
    const response = await fetch(address, { cache: "no-store", redirect: "manual", ...how });
    if (!response.ok) return false;
    endsAt = Date.now() + (await response.json()).left * 1000;
    return true;
  }

  const minutes = () => Math.max(1, Math.ceil((endsAt - Date.now()) / 60000));
  const inMinutes = () => (minutes() === 1 ? "a minute" : `${minutes()} minutes`);

  function ended() {
    say("ended", "You are signed out. What you wrote stands here until you leave the page; sign in"
      + " in another window, and send it from there.", false);
  }

  function tell(known) {
    if (!known) ended();
    else if (Date.now() < endsAt - WARN_MS) say("quiet", "", false);
    else if (state === "quiet") say("warned", `You will be signed out in ${inMinutes()} unless you stay.`, true);
  }

  async function look() {
    if (state === "ended" || Date.now() < endsAt - WARN_MS) return;
    try {
      // Another window may have used the session since.
      tell(await ask("/account/left"));
    } catch {
      if (Date.now() > endsAt) ended();
    }
  }

  stay.addEventListener("click", async () => {
    try {
      tell(await ask("/account/stay", { method: "POST", body: new URLSearchParams({ csrf }) }));
      if (state === "warned") say("last", `You will be signed out in ${inMinutes()} in any case: the session is at its end.`, false);
    } catch {
      said.textContent = "Nobody answers: try again.";
    }
  });

  setInterval(look, LOOK_MS);
  document.addEventListener("visibilitychange", look);
  look();
})();
