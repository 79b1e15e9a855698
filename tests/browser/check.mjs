// Loads a report in headless Chromium with the network off and looks at it as a reader would:
//   node check.mjs REPORT.html SCREENSHOT_FOLDER
// FIGURES: how many there are, 6 where it is not set. PAGE=result: a page that opens with what was gained (train,
// compare, sweep), without points to hover over.
// Speaks the DevTools protocol over a pipe, so nothing but node and chromium is needed. Exit 1 where a check fails.
import { spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";

const [report, shots] = process.argv.slice(2).map((p) => path.resolve(p));
if (!report || !shots) {
  console.error("usage: node check.mjs REPORT.html SCREENSHOT_FOLDER");
  process.exit(2);
}
const url = pathToFileURL(report).href;
const profile = fs.mkdtempSync(path.join(os.tmpdir(), "contragap-chromium-"));
fs.mkdirSync(shots, { recursive: true });

let failures = 0;
let passes = 0;
function check(condition, what) {
  if (condition) passes++;
  else {
    failures++;
    console.error("FAILED: " + what);
  }
}

const browser = spawn(
  process.env.CHROMIUM || "chromium",
  ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--user-data-dir=" + profile,
    "--remote-debugging-pipe", "about:blank"],
  { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
const waiting = new Map();
const listeners = [];
let last = 0;
let buffer = Buffer.alloc(0);
browser.stdio[4].on("data", (chunk) => {
  buffer = Buffer.concat([buffer, chunk]);
  for (let end; (end = buffer.indexOf(0)) >= 0; buffer = buffer.subarray(end + 1)) {
    const message = JSON.parse(buffer.subarray(0, end).toString("utf8"));
    const entry = waiting.get(message.id);
    waiting.delete(message.id);
    if (entry && message.error) entry.reject(new Error(entry.method + ": " + message.error.message));
    else if (entry) entry.resolve(message.result);
    else listeners.forEach((listener) => listener(message));
  }
});
let session;
function send(method, params = {}) {
  const id = ++last;
  const message = { id, method, params };
  if (session) message.sessionId = session;
  browser.stdio[3].write(JSON.stringify(message) + "\0");
  return new Promise((resolve, reject) => waiting.set(id, { resolve, reject, method }));
}
function event(method) {
  return new Promise((resolve) => {
    const listener = (message) => {
      if (message.method !== method) return;
      listeners.splice(listeners.indexOf(listener), 1);
      resolve(message.params);
    };
    listeners.push(listener);
  });
}
// `inside` runs in the page; its source travels, so it sees nothing of this file.
async function evaluate(inside, ...args) {
  const expression = "(" + inside + ")(" + args.map((a) => JSON.stringify(a)).join(",") + ")";
  const answer = await send("Runtime.evaluate", { expression, returnByValue: true, awaitPromise: true });
  if (answer.exceptionDetails) throw new Error(answer.exceptionDetails.exception?.description || "the page threw");
  return answer.result.value;
}

async function load(width, height, scheme) {
  await send("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: width < 600 });
  await send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: scheme }] });
  const loaded = event("Page.loadEventFired");
  await send("Page.navigate", { url });
  await loaded;
}

async function shot(name) {
  const { cssContentSize } = await send("Page.getLayoutMetrics");
  const clip = { x: 0, y: 0, width: cssContentSize.width, height: cssContentSize.height, scale: 1 };
  const { data } = await send("Page.captureScreenshot", { format: "png", clip, captureBeyondViewport: true });
  fs.writeFileSync(path.join(shots, name + ".png"), Buffer.from(data, "base64"));
}

function look() {
  const box = (element) => element.getBoundingClientRect();
  const svgs = [...document.querySelectorAll("figure svg")];
  const luminance = (text) => {
    const part = text.match(/[\d.]+/g).slice(0, 3).map((v) => v / 255);
    const linear = part.map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  };
  const back = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = getComputedStyle(e).backgroundColor;
      if (colour !== "rgba(0, 0, 0, 0)") return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const contrast = (element) => {
    const a = luminance(getComputedStyle(element).color), b = luminance(back(element));
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  };
  const texts = [...document.querySelectorAll("h1,h2,h3,p,td,th,dt,dd,li,a,figcaption,caption,small,footer")]
    .filter((e) => e.textContent.trim() && box(e).width > 0 && !e.classList.contains("skip"));
  const svgText = svgs.flatMap((svg) => [...svg.querySelectorAll("text")].map((t) => {
    const frame = box(svg), own = box(t);
    return { text: t.textContent, out: own.left < frame.left - 1 || own.right > frame.right + 1 || own.top < frame.top - 1 ||
      own.bottom > frame.bottom + 1, low: (() => {
        // what has a colour of its own stands on a ground of its own, the cell of a map
        if (!(t.closest("[fill]")?.getAttribute("fill") || "").startsWith("var(")) return false;
        const a = luminance(getComputedStyle(t).fill), b = luminance(back(t));
        return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) < 4.5;
      })() };
  }));
  return {
    figures: document.querySelectorAll("figure").length,
    svgs: svgs.map((s) => ({ width: box(s).width, height: box(s).height, marks: s.querySelectorAll("path,use,rect").length,
      label: s.getAttribute("aria-label"), role: s.getAttribute("role"), texts: s.querySelectorAll("text").length })),
    cut: svgText.filter((t) => t.out).map((t) => t.text),
    pale: svgText.filter((t) => t.low).map((t) => t.text),
    scrolled: [...document.querySelectorAll("figure .scroll")].filter((s) => s.scrollWidth > s.clientWidth + 1).length,
    overflow: document.documentElement.scrollWidth - window.innerWidth,
    h1: document.querySelectorAll("h1").length,
    h2: document.querySelectorAll("h2").length,
    heads: [...document.querySelectorAll("th")].every((h) => h.getAttribute("scope") === "col"),
    captions: [...document.querySelectorAll("table")].every((t) => t.caption && t.caption.textContent.trim()),
    links: [...document.querySelectorAll("a")].every((a) => a.getAttribute("href").startsWith("#") &&
      document.getElementById(a.getAttribute("href").slice(1))),
    ids: (() => {
      const all = [...document.querySelectorAll("[id]")].map((e) => e.id);
      return all.filter((id, i) => all.indexOf(id) !== i);
    })(),
    lowContrast: texts.filter((e) => contrast(e) < 4.5).map((e) => e.tagName + " " + e.textContent.slice(0, 40)),
    dark: luminance(back(document.body)) < 0.2,
    lang: document.documentElement.lang,
    verdict: document.querySelector(".verdict p, #result p")?.textContent || "",
    broken: [...document.querySelectorAll("td code")].filter((c) => c.getClientRects().length > 1).map((c) => c.textContent),
    script: document.querySelectorAll("script").length,
  };
}

function values(column) {
  const body = document.querySelector("#measures tbody");
  return [...body.rows].map((r) => parseFloat(r.cells[column].dataset.v)).filter((v) => !Number.isNaN(v));
}
const sorted = (list, sign) => list.every((v, i) => i === 0 || sign * (v - list[i - 1]) >= 0);

async function checkLook(width, scheme) {
  const seen = await evaluate(look);
  const at = width + " " + scheme + ": ";
  const wanted = Number(process.env.FIGURES ?? 6);
  check(seen.figures === wanted && seen.svgs.length === wanted, at + seen.svgs.length + " figures, not " + wanted);
  for (const svg of seen.svgs) {
    check(svg.width > 300 && svg.height > 200 && svg.marks > 5 && svg.texts > 5, at + "an empty figure: " + JSON.stringify(svg));
    check(svg.role === "img" && svg.label.length > 30, at + "a figure without a label");
  }
  check(seen.cut.length === 0, at + "text cut off in a figure: " + seen.cut);
  check(seen.pale.length === 0, at + "pale text in a figure: " + seen.pale);
  check(seen.overflow <= 0, at + "the page is " + seen.overflow + " pixels too wide");
  check(seen.h1 === 1 && seen.h2 >= 5, at + "headings");
  check(seen.heads && seen.captions, at + "a table without caption or scopes");
  check(seen.links, at + "a link that leads nowhere");
  check(seen.ids.length === 0, at + "the same id twice: " + seen.ids.slice(0, 3));
  check(seen.lowContrast.length === 0, at + "low contrast: " + seen.lowContrast.slice(0, 5).join("; "));
  check(seen.dark === (scheme === "dark"), at + "the background is not " + scheme);
  check(seen.lang === "en", at + "no language");
  check(seen.verdict.length > 20, at + "no verdict");
  check(width < 500 || seen.scrolled === 0, at + seen.scrolled + " figures have to be scrolled");
  check(seen.broken.length === 0, at + "a key is broken over lines: " + seen.broken.slice(0, 3));
  check(seen.script === 1, at + seen.script + " scripts");
}

async function checkSorting(width) {
  const press = (column) => document.querySelectorAll("#measures th button")[column].click();
  await evaluate(press, 1);
  check(sorted(await evaluate(values, 1), 1), width + ": values do not ascend");
  await evaluate(press, 1);
  check(sorted(await evaluate(values, 1), -1), width + ": values do not descend");
  check(await evaluate(() => document.querySelectorAll("#measures th")[1].getAttribute("aria-sort")) === "descending",
    width + ": aria-sort");
  await evaluate(() => document.querySelectorAll("#measures th button")[0].focus());
  for (const type of ["keyDown", "keyUp"])
    await send("Input.dispatchKeyEvent", { type, key: "Enter", code: "Enter", windowsVirtualKeyCode: 13, text: "\r" });
  const names = await evaluate(() => [...document.querySelector("#measures tbody").rows].map((r) => r.cells[0].textContent));
  check(names.length > 3 && names.every((n, i) => i === 0 || names[i - 1].localeCompare(n) <= 0),
    width + ": the keyboard does not sort");
}

async function checkHover(width) {
  const spot = await evaluate(() => {
    const points = [...document.querySelectorAll(".pt")];
    for (const point of points) {
      point.scrollIntoView({ block: "center", inline: "center" });
      const box = point.getBoundingClientRect();
      const x = box.left + box.width / 2, y = box.top + box.height / 2;
      if (x > 0 && x < innerWidth && document.elementFromPoint(x, y) === point) return { x, y, count: points.length };
    }
    return { count: points.length };
  });
  check(spot.count >= 10 && spot.x !== undefined, width + ": no point to hover over");
  if (spot.x === undefined) return;
  await send("Input.dispatchMouseEvent", { type: "mouseMoved", x: spot.x, y: spot.y });
  const tip = await evaluate(() => { const t = document.getElementById("tip"); return t.hidden ? "" : t.textContent; });
  check(/^(image|text) row \d+/.test(tip), width + ": hovering says '" + tip + "'");
  await send("Input.dispatchMouseEvent", { type: "mouseMoved", x: 1, y: 1 });
}

async function main() {
  const { targetId } = await send("Target.createTarget", { url: "about:blank" });
  session = (await send("Target.attachToTarget", { targetId, flatten: true })).sessionId;
  for (const domain of ["Page", "Runtime", "Network", "Log"]) await send(domain + ".enable");
  await send("Network.emulateNetworkConditions", { offline: true, latency: 0, downloadThroughput: 0, uploadThroughput: 0 });
  listeners.push((message) => {
    const p = message.params;
    if (message.method === "Network.requestWillBeSent")
      check(p.request.url === url || p.request.url.startsWith("data:"), "the page asks for " + p.request.url);
    if (message.method === "Network.loadingFailed") check(false, "something failed to load: " + p.errorText);
    if (message.method === "Runtime.exceptionThrown") check(false, "a script threw: " + p.exceptionDetails.text);
    if (message.method === "Log.entryAdded" && p.entry.level === "error") check(false, "the console says: " + p.entry.text);
  });
  for (const [width, height] of [[390, 844], [500, 844], [1400, 900]]) {
    for (const scheme of ["light", "dark"]) {
      await load(width, height, scheme);
      await checkLook(width, scheme);
      await shot(width + "-" + scheme);
    }
    await checkSorting(width);
    if (process.env.PAGE !== "result") await checkHover(width);
  }
  await send("Emulation.setScriptExecutionDisabled", { value: true });
  await load(1400, 900, "light");
  const { cssContentSize } = await send("Page.getLayoutMetrics");
  check(cssContentSize.height > 2000, "without scripts the page is only " + cssContentSize.height + " pixels long");
  check(fs.statSync(report).size < 2 * 1024 * 1024, "the page has " + fs.statSync(report).size + " bytes");
}

const limit = setTimeout(() => { console.error("FAILED: no answer within 120 seconds"); browser.kill("SIGKILL"); process.exit(1); }, 120000);
browser.on("error", (error) => { console.error("FAILED: " + error.message); process.exit(1); });
try {
  await main();
} catch (error) {
  check(false, error.message);
}
clearTimeout(limit);
const gone = new Promise((resolve) => browser.on("exit", resolve));
session = undefined;
send("Browser.close").catch(() => {});
const stubborn = setTimeout(() => browser.kill("SIGKILL"), 5000);
await gone;
clearTimeout(stubborn);
fs.rmSync(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
console.log(path.basename(path.dirname(report)) + ": " + passes + " passed, " + failures + " failed");
process.exit(failures ? 1 : 0);
