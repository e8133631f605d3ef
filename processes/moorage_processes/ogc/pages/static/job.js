// Follows a job by requests that are held until there is news, and shows what the service's own page would.

const HELD = 10; // seconds one request is held
const PAUSE = 1000; // milliseconds until a service that does not answer is asked again

const pause = (milliseconds) => new Promise((done) => { setTimeout(done, milliseconds); });

function show(text) {
  const fresh = new DOMParser().parseFromString(text, "text/html");
  const old = document.getElementById("job");
  const focused = document.activeElement?.id;
  const next = document.importNode(fresh.getElementById("job"), true);
  old.replaceWith(next);
  document.title = fresh.title;
  const links = [document, fresh].map((each) => each.querySelector("footer .links"));
  if (links[0] && links[1]) links[0].replaceWith(document.importNode(links[1], true));
  prepare(next);
  if (focused) document.getElementById(focused)?.focus();
  document.getElementById("news").textContent = `${next.dataset.status}, ${next.dataset.progress} %`;
}

function prepare(place) {
  const dismiss = place.querySelector("#dismiss");
  if (!dismiss) return;
  dismiss.hidden = false;
  dismiss.addEventListener("click", async () => {
    if (!window.confirm(`${dismiss.textContent}? Its results will be gone.`)) return;
    const answer = await fetch(place.dataset.job, { method: "DELETE", headers: { Accept: "text/html" } });
    show(await answer.text());
  });
}

async function refreshLog(place) {
  const answer = await fetch(place.dataset.job, { headers: { Accept: "text/html" }, cache: "no-store" });
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector(".log");
  const old = place.querySelector(".log");
  if (fresh && old && fresh.textContent !== old.textContent) old.replaceWith(document.importNode(fresh, true));
}

const isOver = (place) => !["accepted", "running"].includes(place.dataset.status);

export async function follow() {
  prepare(document.getElementById("job"));
  for (;;) {
    const place = document.getElementById("job");
    if (isOver(place)) return;
    const headers = { Accept: "text/html", Prefer: `wait=${HELD}`, "If-None-Match": `"${place.dataset.etag}"` };
    try {
      const answer = await fetch(place.dataset.job, { headers, cache: "no-store" });
      if (isOver(document.getElementById("job"))) return; // dismissed meanwhile
      if (answer.status === 304) await refreshLog(place);
      else if (answer.ok) show(await answer.text());
      else if (answer.status === 404) return;
      else await pause(PAUSE);
    } catch {
      await pause(PAUSE);
    }
  }
}
