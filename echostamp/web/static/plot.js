// The hover line of plots, the browser's zone, and plots that renew themselves.
"use strict";

(() => {
  // Milliseconds from one renewal to the next, and from a try that failed to the next.
  const EVERY = 60_000, AGAIN = 10_000;
  const SECOND = 1e9;
  const UNITS = [[SECOND, "s"], [1e6, "ms"], [1e3, "µs"], [1, "ns"]];

  // --- The zone ----------------------------------------------------------------------

  const address = new URL(location.href);
  if (!address.searchParams.has("zone")) {
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    if (zone && zone !== "UTC") {
      address.searchParams.set("zone", zone);
      location.replace(address);
      return;
    }
  }

  // --- The hover line ----------------------------------------------------------------

  // What the plots show, and the time of the hover line in seconds; null for none.
  let shown = null, hovered = null;

  function read() {
    const section = document.querySelector("section.plots");
    if (!section) {
      return null;
    }
    const data = section.dataset;
    const at = JSON.parse(data.at);
    return {
      at,
      places: new Map(at.map((each, place) => [each, place])),
      from: Number(data.from),
      to: Number(data.to),
      step: Number(data.step),
      format: formatFor(data.zone),
      figures: [...section.querySelectorAll("figure.plot")].map((figure) => ({
        figure,
        series: JSON.parse(figure.dataset.series),
        picture: figure.querySelector("svg.plot"),
        line: figure.querySelector("line.hover"),
        output: figure.querySelector("output"),
      })),
    };
  }

  function formatFor(zone) {
    const options = {
      weekday: "short", day: "numeric", month: "short", hour: "2-digit",
      minute: "2-digit", hourCycle: "h23",
    };
    try {
      const found = new Intl.DateTimeFormat(
        "en-GB", {...options, timeZone: zone, timeZoneName: "shortOffset"});
      // It writes GMT for UTC.
      return (at) => found.format(at * 1000).replace(/GMT(?:[+-]0$)?/, "UTC");
    } catch {
      // This browser does not know the zone.
      const found = new Intl.DateTimeFormat("en-GB", {...options, timeZone: "UTC"});
      return (at) => `${found.format(at * 1000)} UTC`;
    }
  }

  function duration(ns) {
    const [size, name] = UNITS.find(([each]) => Math.abs(ns) >= each) || [1, "ns"];
    const value = Number((ns / size).toPrecision(4));
    return `${String(value).replace("-", "−")} ${name}`;
  }

  function words(value, unit) {
    if (unit === "ns") {
      return duration(value);
    }
    return unit === "%" ? `${Number(value.toPrecision(3))} %` : String(value);
  }

  function show() {
    if (!shown) {
      return;
    }
    const {places, from, to, step, format, figures} = shown;
    for (const {series, line, output} of figures) {
      line.classList.toggle("shown", hovered !== null);
      if (hovered === null) {
        output.textContent = "";
        continue;
      }
      const share = `${100 * (hovered + step / 2 - from) / (to - from)}%`;
      line.setAttribute("x1", share);
      line.setAttribute("x2", share);
      const time = document.createElement("b");
      time.textContent = format(hovered);
      const place = places.get(hovered);
      const known = place === undefined ? [] : series.filter(
        (each) => each.values[place] !== null);
      const texts = known.map(
        (each) => `${each.name} ${words(each.values[place], each.unit)}`);
      output.replaceChildren(time, `  ${texts.join(", ") || "nothing is known"}`);
    }
  }

  function hover(event) {
    const found = shown && shown.figures.find(
      (each) => each.figure.contains(event.target));
    if (!found) {
      return;
    }
    const box = found.picture.getBoundingClientRect();
    const share = (event.clientX - box.left) / box.width;
    if (share < 0 || share >= 1) {
      return;
    }
    const time = shown.from + share * (shown.to - shown.from);
    hovered = Math.floor(time / shown.step) * shown.step;
    show();
  }

  function leave() {
    if (shown && !shown.figures.some((each) => each.figure.matches(":focus"))) {
      hovered = null;
      show();
    }
  }

  // The time of the hover line behind a key, or undefined for other keys.
  function moved(key) {
    const {at} = shown, last = at.length - 1;
    const next = at.findIndex((each) => each > hovered);
    const previous = at.findLastIndex((each) => each < hovered);
    switch (key) {
      case "ArrowLeft":
        return hovered === null ? at[last] : at[Math.max(previous, 0)];
      case "ArrowRight":
        return hovered === null || next < 0 ? at[last] : at[next];
      case "Home":
        return at[0];
      case "End":
        return at[last];
      case "Escape":
        return null;
      default:
        return undefined;
    }
  }

  function press(event) {
    const isPlot = shown && shown.figures.some((each) => each.figure === event.target);
    if (!isPlot || !shown.at.length || event.ctrlKey || event.altKey || event.metaKey) {
      return;
    }
    const time = moved(event.key);
    if (time !== undefined) {
      event.preventDefault();
      hovered = time;
      show();
    }
  }

  // Only the plot that has the focus is read out.
  function focus() {
    for (const {figure, output} of shown ? shown.figures : []) {
      output.setAttribute("aria-live", figure.matches(":focus") ? "polite" : "off");
    }
  }

  shown = read();
  const main = document.querySelector("main");
  main.addEventListener("pointermove", hover);
  main.addEventListener("pointerdown", hover);
  main.addEventListener("pointerleave", leave);
  main.addEventListener("keydown", press);
  main.addEventListener("focusin", focus);
  main.addEventListener("focusout", () => setTimeout(leave));

  // --- Renewal -----------------------------------------------------------------------

  let renewed = Date.now(), tried = -Infinity, isAsking = false;

  function say(text) {
    const live = document.getElementById("live");
    if (live) {
      live.textContent = text;
      live.classList.toggle("late", text !== "");
    }
  }

  function replace(found) {
    const focused = shown ? shown.figures.findIndex(
      (each) => each.figure.matches(":focus")) : -1;
    for (const part of main.querySelectorAll("[data-part]")) {
      const other = found.querySelector(`[data-part="${part.dataset.part}"]`);
      if (other && !part.querySelector("input:focus")) {
        part.replaceWith(document.adoptNode(other));
      }
    }
    shown = read();
    if (focused >= 0 && shown && shown.figures[focused]) {
      shown.figures[focused].figure.focus({preventScroll: true});
    }
    focus();
    show();
  }

  async function renew() {
    const now = Date.now();
    if (isAsking || document.hidden || now - renewed < EVERY || now - tried < AGAIN) {
      return;
    }
    isAsking = true;
    try {
      const answer = await fetch(location.href, {signal: AbortSignal.timeout(EVERY / 2)});
      if (!answer.ok) {
        throw new Error(`the daemon answers ${answer.status}`);
      }
      replace(new DOMParser().parseFromString(await answer.text(), "text/html"));
      renewed = Date.now();
      say("");
    } catch {
      say(`not renewed since ${new Date(renewed).toISOString().slice(11, 19)} UTC`);
    } finally {
      tried = Date.now();
      isAsking = false;
    }
  }

  if (main.querySelector("[data-part]")) {
    setInterval(renew, 1000);
    document.addEventListener("visibilitychange", renew);
  }
})();
