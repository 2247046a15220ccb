// The conversation: lines of the intercom over a WebSocket, which carries the octets of
// the line protocol.  Everything is shown as text.
"use strict";

(() => {
  const MOST_LINES = 1000, MOST_LETTERS = 1_000_000;
  const SOONEST = 1_000, LATEST = 30_000, ASK_AGAIN = 10_000;
  const STAMPED = /^\[([^\]]{1,60})\] ([^]*)$/;
  const OTHERS = /^<([^<>\s]{1,80})> ([^]*)$/;
  const YOU_ARE = /^you are (\S+?)(?:: .*)?$/;
  const IS_NOW = /^(\S+) is now (\S+)$/;
  const CLOCK = /\d\d:\d\d:\d\d/;
  const KEPT = "echostamp.room.name";

  const join = document.getElementById("join");
  const wanted = document.getElementById("name");
  const room = document.getElementById("room");
  const lines = document.getElementById("lines");
  const newer = document.getElementById("newer");
  const say = document.getElementById("say");
  const input = document.getElementById("line");
  const who = document.getElementById("who");
  const live = document.getElementById("live");

  // The name that the user wants, the one that the daemon has given, and the one that a
  // lost connection had.
  let asked = "", name = "", former = "";
  let socket = null, decoder = null, rest = "";
  // Lines that were sent and have not come back: what they say, whether the user has
  // typed them, and whether they are the first of this connection.
  let unanswered = [], hasSent = false;
  let wait = SOONEST, timer = 0, asking = 0, letters = 0;
  // Whether the end of the conversation is seen in the size that the page has had.
  let isFollowing = true, size = "";
  let hasJoined = false, isLeaving = false, hasQuit = false, isAsking = false;

  // What cannot be written as UTF-8 is sent as U+FFFD, and comes back so.
  function writable(text) {
    return new TextDecoder("utf-8", {ignoreBOM: true}).decode(
      new TextEncoder().encode(text));
  }

  // The name that was used last.  A browser may be set to keep nothing.
  function kept(latest) {
    try {
      if (latest !== undefined) {
        localStorage.setItem(KEPT, latest);
      }
      return localStorage.getItem(KEPT) || "";
    } catch {
      return "";
    }
  }

  function status(text, isLate = false) {
    live.textContent = text;
    live.classList.toggle("late", isLate);
  }

  function called(what) {
    name = what;
    who.textContent = name;
    status(name ? `Joined as ${name}` : "Joined");
  }

  function element(tag, kind, text) {
    const made = document.createElement(tag);
    made.className = kind;
    made.textContent = text;
    return made;
  }

  // A line of the conversation: in its own columns, so that no text can reach another's.
  function show(kind, stamp, speaker, text) {
    const line = element("div", `line ${kind}`, "");
    const clock = CLOCK.exec(stamp);
    const time = element("span", "time", clock ? clock[0] : stamp);
    time.title = stamp;
    line.append(time, " ", element("b", "speaker", speaker), " ",
      element("span", "text", text));
    lines.append(line);
    letters += line.textContent.length;
    while (lines.childElementCount > MOST_LINES ||
        (letters > MOST_LETTERS && lines.childElementCount > 1)) {
      letters -= lines.firstElementChild.textContent.length;
      lines.firstElementChild.remove();
    }
  }

  function isAtEnd() {
    return lines.scrollHeight - lines.scrollTop - lines.clientHeight < 8;
  }

  function sizeNow() {
    return `${lines.clientWidth} ${lines.clientHeight}`;
  }

  // Shows lines, and stays at the end of them.  The browser lays them out once.
  function together(call) {
    const stays = isAtEnd(), last = lines.lastElementChild;
    call();
    if (stays) {
      toEnd();
    } else if (lines.lastElementChild !== last) {
      newer.hidden = false;
    }
  }

  function toEnd() {
    lines.scrollTop = lines.scrollHeight;
    newer.hidden = isFollowing = true;
  }

  function notice(stamp, text) {
    const given = YOU_ARE.exec(text), changed = IS_NOW.exec(text);
    const before = name;
    if (given) {
      called(given[1]);
      askAgain();
      if (isAsking && name === before) {
        // The user knows that already.
        return;
      }
    } else if (changed && (changed[1] === name || (!name && changed[2] === asked))) {
      called(changed[2]);
    }
    show("notice", stamp, "*", text);
  }

  // A connection that was lost may still have the name, for a while.  A daemon that
  // knows no such command answers with no notice, and is not asked a third time.
  function askAgain() {
    clearTimeout(asking);
    if (asked && former === asked && name.startsWith(`${asked}-`)) {
      asking = setTimeout(() => {
        isAsking = true;
        send(`/name ${asked}`, false);
      }, ASK_AGAIN);
    }
  }

  function received(line) {
    const [, stamp, text] = STAMPED.exec(line) || [null, "", line];
    // An own line comes back as it was sent.  It may look like any other.
    if (unanswered.length && unanswered[0].text === text) {
      const {isTyped, isFirst} = unanswered.shift();
      if (isTyped) {
        hasQuit ||= text === "/quit";
        asked = text.startsWith("/name ") ? text.slice(6) : asked;
        show("own", stamp, name || "you", text);
        if (isFirst && asked) {
          // Only a name that is not the one asked for has an answer.
          called(asked);
        }
      }
      return;
    }
    const other = OTHERS.exec(text);
    if (other) {
      show("other", stamp, other[1], other[2]);
    } else if (text.startsWith("* ")) {
      notice(stamp, text.slice(2));
    } else {
      show("unknown", stamp, "?", text);
    }
  }

  function send(text, isTyped) {
    unanswered.push({text, isTyped, isFirst: !hasSent});
    hasSent = true;
    socket.send(`${text}\n`);
  }

  function connect() {
    const address = new URL("room/stream", location.href);
    address.protocol = address.protocol.replace("http", "ws");
    address.search = address.hash = "";
    status("Connecting");
    socket = new WebSocket(address);
    socket.binaryType = "arraybuffer";
    decoder = new TextDecoder("utf-8", {ignoreBOM: true});
    rest = "";
    unanswered = [];
    hasSent = false;
    socket.addEventListener("open", () => {
      wait = SOONEST;
      if (hasJoined) {
        together(() => show("gap", "", "page", "Connected again: what others said "
          + "meanwhile is missing"));
      }
      hasJoined = true;
      called(asked);
      if (asked) {
        send(`/name ${asked}`, false);
      }
    });
    socket.addEventListener("message", (event) => {
      const found = (rest + decoder.decode(event.data, {stream: true})).split("\n");
      rest = found.pop();
      together(() => found.forEach(received));
    });
    socket.addEventListener("close", ended);
  }

  function ended({code}) {
    clearTimeout(asking);
    isAsking = false;
    former = name === asked ? asked : former;
    const lost = unanswered.filter(({isTyped}) => isTyped);
    together(() => lost.forEach(({text}) => show("lost", "", "not answered", text)));
    unanswered = [];
    socket = null;
    // 1000: the daemon has closed, and does not stop.  It may know no commands.
    if (isLeaving || (hasQuit && code === 1000)) {
      choose("You have left");
      return;
    }
    const seconds = wait / 1000;
    status(`Not connected – trying again in ${seconds} s`, true);
    timer = setTimeout(connect, wait);
    wait = Math.min(2 * wait, LATEST);
  }

  // Ask for a name.
  function choose(text) {
    status(text);
    join.hidden = false;
    say.hidden = true;
    wanted.focus();
  }

  join.addEventListener("submit", (event) => {
    event.preventDefault();
    asked = wanted.value;
    kept(asked);
    join.hidden = true;
    room.hidden = say.hidden = false;
    hasJoined = isLeaving = hasQuit = false;
    former = "";
    wait = SOONEST;
    connect();
    input.focus();
  });

  // What is typed while there is no connection stays.
  say.addEventListener("submit", (event) => {
    event.preventDefault();
    const text = writable(input.value);
    if (text && socket && socket.readyState === WebSocket.OPEN) {
      send(text, true);
      input.value = "";
      toEnd();
    }
    input.focus();
  });

  document.getElementById("leave").addEventListener("click", () => {
    isLeaving = true;
    clearTimeout(timer);
    if (socket) {
      socket.close(1000);
    } else {
      ended({});
    }
  });

  // The button goes away, and would take the focus with it.
  newer.addEventListener("click", () => {
    toEnd();
    lines.focus();
  });
  lines.addEventListener("scroll", () => {
    newer.hidden ||= isAtEnd();
    // The event may be older than a new size, which is observed behind it.
    isFollowing = size === sizeNow() ? isAtEnd() : isFollowing;
  });
  // A phone is turned, or its keyboard comes up.
  new ResizeObserver(() => {
    size = sizeNow();
    if (isFollowing) {
      toEnd();
    }
  }).observe(lines);

  live.setAttribute("role", "status");
  wanted.value = kept();
  choose("");
})();
