// Keeps a page up to date without a reload, and says when it is not.
//
// The element #now holds what changes. The page's own address with part=table gives its
// content: lines of HTML, of which each that begins with <tag data-key="..."> is a whole
// element. Only elements whose line has changed are replaced. Then #now gets the event
// "updated".
"use strict";

(() => {
  // Other daemons are asked once somebody looks: what they say is there SOON.
  const EVERY = 10_000, SOON = 1_500, LATE = 30_000;
  const KEYED = /^<[a-z]+ data-key="([^"]*)"/;
  const FOCUSABLE = "a[href], button, input, select, summary";

  const now = document.getElementById("now");
  const live = document.getElementById("live");
  if (!now || !live) {
    return;
  }

  let shape = null, lines = [];
  let last = Date.now(), isAsking = false, timer = 0, why = "";

  // What the user would miss where elements are replaced.
  function remembered() {
    const focused = now.contains(document.activeElement) ? document.activeElement : null;
    const owner = focused && focused.closest("[data-key]");
    const key = owner && owner.dataset.key;
    const place = owner && [...owner.querySelectorAll(FOCUSABLE)].indexOf(focused);
    const scrolled = now.querySelector(".scroll");
    const left = scrolled && scrolled.scrollLeft, top = scrolled && scrolled.scrollTop;
    return () => {
      const again = now.querySelector(".scroll");
      if (again && scrolled && again !== scrolled) {
        again.scrollLeft = left;
        again.scrollTop = top;
      }
      if (owner && !owner.isConnected) {
        const found = [...now.querySelectorAll("[data-key]")].find(
          (each) => each.dataset.key === key);
        const target = found && found.querySelectorAll(FOCUSABLE)[place];
        if (target) {
          target.focus({preventScroll: true});
        }
      }
    };
  }

  // Elements of lines. Rows of a table are made together; others would end the table.
  function made(texts) {
    const template = document.createElement("template");
    template.innerHTML = texts.join("");
    return [...template.content.children];
  }

  function show(text) {
    const found = text.split("\n");
    const keyed = found.filter((line) => KEYED.test(line));
    const newShape = found.map((line) => (KEYED.exec(line) || [line])[0]).join("\n");
    const restore = remembered();
    if (newShape !== shape) {
      now.innerHTML = text;
    } else {
      const elements = [...now.querySelectorAll("[data-key]")];
      const changed = [...keyed.keys()].filter((each) => keyed[each] !== lines[each]);
      const rows = changed.filter((each) => keyed[each].startsWith("<tr"));
      const others = changed.filter((each) => !keyed[each].startsWith("<tr"));
      made(rows.map((each) => keyed[each])).forEach(
        (row, place) => elements[rows[place]].replaceWith(row));
      others.forEach((each) => elements[each].replaceWith(...made([keyed[each]])));
    }
    shape = newShape;
    lines = keyed;
    restore();
    now.dispatchEvent(new Event("updated"));
  }

  // Arrow keys move from one cell of a table with links to the next one that has any.
  const STEPS = {
    ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1],
  };

  function move(event) {
    const step = STEPS[event.key], cell = event.target.closest("td");
    if (!step || !cell || event.altKey || event.ctrlKey || event.metaKey) {
      return;
    }
    const rows = [...cell.closest("tbody").rows];
    let row = rows.indexOf(cell.parentElement), column = cell.cellIndex;
    for (;;) {
      row += step[0];
      column += step[1];
      const next = rows[row] && rows[row].cells[column];
      if (!next) {
        break;
      }
      const link = next.querySelector("a[href]");
      if (link) {
        link.focus();
        break;
      }
    }
    event.preventDefault();
  }

  function clock(ms) {
    return `${new Date(ms).toISOString().slice(11, 19)} UTC`;
  }

  // It counts on: screen readers would read it out each second.
  const ago = document.createElement("span");
  ago.setAttribute("aria-hidden", "true");
  let said = "";

  function say() {
    const isLate = why !== "" || Date.now() - last > LATE;
    const seconds = Math.round((Date.now() - last) / 1000);
    const text = isLate
      ? `${why || "No news"} – this is from ${clock(last)}` : `Updated ${clock(last)}`;
    if (said !== text) {
      said = text;
      live.replaceChildren(text, ago);
    }
    ago.textContent = isLate ? `, ${seconds} s ago` : "";
    if (live.classList.toggle("late", isLate) !== live.hasAttribute("role")) {
      live.toggleAttribute("role", isLate);
      if (isLate) {
        live.setAttribute("role", "alert");
      }
    }
  }

  async function refresh(wait = EVERY) {
    clearTimeout(timer);
    if (isAsking || document.hidden) {
      return;
    }
    isAsking = true;
    const address = new URL(location.href);
    address.searchParams.set("part", "table");
    try {
      const answer = await fetch(address, {signal: AbortSignal.timeout(EVERY)});
      if (answer.ok) {
        show(await answer.text());
        last = Date.now();
        why = "";
      } else {
        why = `The daemon answers ${answer.status}`;
      }
    } catch {
      why = "The daemon does not answer";
    }
    isAsking = false;
    say();
    timer = setTimeout(refresh, wait);
  }

  document.addEventListener("visibilitychange", () => refresh(SOON));
  now.addEventListener("keydown", move);
  addEventListener("pageshow", (event) => {
    if (event.persisted) {
      refresh(SOON);
    }
  });
  for (const form of document.querySelectorAll("form[data-now]")) {
    form.addEventListener("change", (event) => {
      if (event.target.matches("select, input[type=checkbox]")) {
        form.requestSubmit();
      }
    });
  }
  setInterval(say, 1000);
  say();
  timer = setTimeout(refresh, SOON);
})();
