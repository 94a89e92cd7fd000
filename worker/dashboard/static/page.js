// What pages gain from a script: the reader's own time zone, the theme's switch, new data without a reload.
// Everything else works without.

const EVERY = 3000;
const SCROLLED = ".scroll, pre";

function localise(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const moment = new Date(time.dateTime);
    if (time.dataset.form === "day") continue; // days are UTC days everywhere
    time.textContent = moment.toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
    time.title = time.dateTime.replace("T", " ").replace("+00:00", " UTC");
  }
}

function sendOnChange(root) {
  for (const form of root.querySelectorAll("form.filters:not(.second)")) {
    let keyed = false; // by keyboard each step through the choices is a change: there Apply sends
    form.addEventListener("keydown", () => (keyed = true));
    form.addEventListener("pointerdown", () => (keyed = false));
    form.addEventListener("change", () => keyed || form.requestSubmit());
    form.addEventListener("formdata", ({ formData }) => {
      for (const [name, value] of [...formData]) if (!value) formData.delete(name); // short addresses
    });
  }
}

function switchTheme() {
  const button = document.getElementById("theme");
  const says = () => (button.querySelector("span").textContent = document.documentElement.dataset.theme || "system");
  button.hidden = false;
  says();
  button.addEventListener("click", () => {
    const themes = ["", "light", "dark"];
    const next = themes[(themes.indexOf(document.documentElement.dataset.theme || "") + 1) % themes.length];
    if (next) document.documentElement.dataset.theme = next;
    else delete document.documentElement.dataset.theme;
    localStorage.setItem("eventlore-theme", next);
    says();
  });
}

// Which child of which child of an element one within it is; undefined if it is elsewhere.
function wayTo(one, root) {
  if (!root.contains(one)) return undefined;
  const way = [];
  for (; one !== root; one = one.parentElement) way.unshift([...one.parentElement.children].indexOf(one));
  return way;
}

async function renew() {
  const answer = await fetch(location.href, { headers: { accept: "text/html" } });
  if (!answer.ok && answer.status !== 404) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const now = document.getElementById("main"), next = page.getElementById("main");
  if (!next) return;
  localise(next);
  const open = [...now.querySelectorAll("details")].map((one) => one.open);
  next.querySelectorAll("details").forEach((one, i) => (one.open = open[i] || false));
  if (now.innerHTML === next.innerHTML) return;
  const moved = [...now.querySelectorAll(SCROLLED)].map((one) => [one.scrollLeft, one.scrollTop]);
  const way = wayTo(document.activeElement, now);
  now.replaceWith(document.adoptNode(next));
  next.querySelectorAll(SCROLLED).forEach((one, i) => ([one.scrollLeft, one.scrollTop] = moved[i] || [0, 0]));
  way?.reduce((one, i) => one?.children[i], next)?.focus({ preventScroll: true });
  sendOnChange(next);
  document.getElementById("news").textContent = "New data has arrived.";
}

// A page in use is left alone: somebody is choosing, typing or has marked text.
function inUse() {
  const focused = document.activeElement;
  return (focused && focused.matches("select, input")) || !getSelection().isCollapsed;
}

async function follow() {
  let mark = null;
  for (;;) {
    try {
      if (!document.hidden && !inUse()) {
        const answer = await fetch("/mark");
        if (answer.status === 401) return location.reload();
        const now = (await answer.json()).mark;
        if (mark !== null && now !== mark) await renew();
        mark = now;
      }
    } catch {
      // the server is away; it may come back
    }
    await new Promise((go) => setTimeout(go, EVERY));
  }
}

localise(document);
sendOnChange(document);
switchTheme();
if (document.querySelector("main[data-live]")) follow();
