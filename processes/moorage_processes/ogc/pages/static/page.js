// What pages can do beyond what they say: copy a call, run it, follow a job, dismiss it. Each works without this too.

function button(words, name) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = name;
  made.textContent = words;
  return made;
}

for (const block of document.querySelectorAll("[data-copy]")) {
  const copy = button("Copy", "copy");
  const label = block.querySelector("pre").getAttribute("aria-labelledby");
  copy.setAttribute("aria-label", `Copy the call: ${document.getElementById(label)?.textContent ?? ""}`);
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(block.querySelector("code").textContent);
    copy.textContent = "Copied";
    setTimeout(() => { copy.textContent = "Copy"; }, 2000);
  });
  block.append(copy);
}

for (const place of document.querySelectorAll("[data-run]")) {
  const said = place.querySelector("[role=status]");
  place.hidden = false;
  place.querySelector("button").addEventListener("click", async () => {
    said.textContent = "Asking for it";
    const answer = await fetch(place.dataset.run, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json", Prefer: "respond-async" },
      body: place.dataset.body,
    });
    const told = await answer.json();
    if (answer.status === 201) location.href = new URL(answer.headers.get("Location")).pathname;
    else said.textContent = told.detail;
  });
}

if (document.getElementById("job")) import("./job.js").then((job) => job.follow());
