// The search page's behaviour: filters that start a search, rows put in place, pager, cookie box.
(function () {
  "use strict";

  const config = JSON.parse(document.getElementById("site-config").textContent);
  const results = document.querySelector("section.results");
  const intro = results.innerHTML;
  const pause = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));
  let latest = 0; // number of the newest search; answers to older ones are dropped
  let timer = null;
  let lostClickEvery = config.lostClickEvery;

  // Text boxes that narrow a list down.
  for (const box of document.querySelectorAll(".filter input[type=text]")) {
    const clear = box.parentElement.querySelector("a");
    const entries = box.closest(".filter").querySelectorAll("li");
    const narrow = () => {
      const text = box.value.trim().toLowerCase();
      clear.style.display = text ? "" : "none";
      for (const entry of entries) {
        const matches = entry.dataset.textFilter.includes(text);
        entry.style.display = text ? (matches ? "list-item" : "none") : "";
      }
    };
    box.addEventListener("input", narrow);
    clear.addEventListener("click", () => { box.value = ""; narrow(); });
  }
  for (const arrow of document.querySelectorAll(".expand-collapse")) {
    arrow.addEventListener("click", () => {
      for (const entry of document.querySelectorAll(`[data-parent="${arrow.dataset.id}"]`)) {
        entry.classList.toggle("open");
      }
    });
  }

  // What is asked for.
  function genres() {
    return [...document.querySelectorAll("input[name=genre]:checked")];
  }

  function filters() {
    const chosen = genres().map((box) => box.id);
    const start = document.querySelector("select[name=start-year]").value;
    const end = document.querySelector("select[name=end-year]").value;
    if (start) chosen.push("releaseyear>:" + start);
    if (end) chosen.push("releaseyear<:" + end);
    const type = document.querySelector("input[name=recording-type]:checked");
    if (type && type.id !== "all-recording-types") chosen.push(type.id);
    return chosen;
  }

  function changed() {
    const query = document.querySelector(".query");
    query.replaceChildren(...genres().map((box) => {
      const chip = document.createElement("span");
      chip.textContent = box.value;
      return chip;
    }));
    clearTimeout(timer);
    timer = setTimeout(() => search(1), config.debounceSeconds * 1000);
  }

  document.querySelector(".sidebar").addEventListener("change", (event) => {
    if (event.target.matches("input[type=checkbox], input[type=radio], select")) changed();
  });
  document.querySelector(".clear-all-filters").addEventListener("click", (event) => {
    event.preventDefault();
    for (const box of document.querySelectorAll("input[type=checkbox]")) box.checked = false;
    for (const select of document.querySelectorAll("select")) select.value = "";
    document.getElementById("all-recording-types").checked = true;
    changed();
  });

  // Searching.
  async function search(page) {
    const mine = ++latest;
    if (genres().length === 0) {
      results.innerHTML = intro;
      return;
    }
    const body = new URLSearchParams(filters().map((one) => ["filters[]", one]));
    body.append("sort", "");
    const path = "/advanced-search/results/" + (page > 1 ? page : "");
    const headers = { "X-Requested-With": "XMLHttpRequest" };
    const answer = await fetch(path, { method: "POST", body, headers });
    const html = await answer.text();
    if (!answer.ok || mine !== latest) return; // as on many sites, an error leaves all as it was
    lostClickEvery = Number(answer.headers.get("X-Lost-Click-Every"));
    await stale(mine, Number(answer.headers.get("X-Stale-Seconds")));
    if (mine === latest) await show(mine, html, Number(answer.headers.get("X-Half-Seconds")));
  }

  async function stale(mine, seconds) {
    if (!seconds || !results.querySelector("table")) return;
    await pause(seconds / 2);
    if (mine !== latest) return;
    results.innerHTML = results.innerHTML; // the same rows in new elements
    watch();
    await pause(seconds / 2);
  }

  async function show(mine, html, halfSeconds) {
    const fresh = document.createElement("template");
    fresh.innerHTML = html;
    const rows = [...fresh.content.querySelectorAll("tbody tr")];
    if (halfSeconds && rows.length > 1) {
      const body = rows[0].parentElement;
      const later = rows.slice(rows.length / 2);
      const pager = fresh.content.querySelector("[data-pager]");
      later.forEach((row) => row.remove());
      if (pager) pager.remove();
      results.replaceChildren(fresh.content);
      watch();
      await pause(halfSeconds);
      if (mine !== latest) return;
      body.append(...later);
      if (pager) results.append(pager);
    } else {
      results.replaceChildren(fresh.content);
    }
    watch();
  }

  results.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-page]");
    if (!link) return;
    event.preventDefault();
    if (link.rel === "next") {
      const clicks = Number(sessionStorage.getItem("clicks")) + 1;
      sessionStorage.setItem("clicks", clicks);
      if (lostClickEvery && clicks % lostClickEvery === 0) return;
    }
    search(Number(link.dataset.page));
  });

  // Covers load when they come into view.
  const eye = new IntersectionObserver((seen) => {
    for (const { isIntersecting, target } of seen) {
      if (isIntersecting && target.dataset.original) {
        target.src = target.dataset.original;
        eye.unobserve(target);
      }
    }
  });

  function watch() {
    eye.disconnect();
    results.querySelectorAll("img[data-original]").forEach((image) => eye.observe(image));
  }

  // The cookie box lies over everything in the lower part of the window.
  if (config.cookieBoxSeconds !== null && !document.cookie.includes("consent=yes")) {
    setTimeout(() => {
      const box = document.createElement("div");
      box.id = "onetrust-banner-sdk";
      box.innerHTML = "<p>We value your privacy.</p>" +
        '<button id="onetrust-accept-btn-handler">Accept all</button>';
      box.querySelector("button").addEventListener("click", () => {
        document.cookie = "consent=yes; path=/";
        box.remove();
      });
      document.body.append(box);
    }, config.cookieBoxSeconds * 1000);
  }
})();
