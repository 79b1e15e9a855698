// Loads reports in headless Chromium with the network off and looks at each as a reader would:
//   node check.mjs PAGES [SCREENSHOT_FOLDER]
// PAGES has a line for each: NAME KIND FIGURES REPORT.html. KIND: audit opens with a verdict, tiles and advice; alone has
// no advice; alarm opens with what may make its numbers mean nothing; many is of more than two modalities; result opens with what was gained (train, compare, sweep).
// Speaks the DevTools protocol over a pipe, so nothing but node and chromium is needed. Exit 1 where a check fails.
import { spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";

const [list, shots] = process.argv.slice(2).map((p) => path.resolve(p));
if (!list) {
  console.error("usage: node check.mjs PAGES [SCREENSHOT_FOLDER]");
  process.exit(2);
}
const pages = fs.readFileSync(list, "utf8").trim().split("\n").map((line) => {
  const [name, kind, figures, ...file] = line.split(" ");
  return { name, kind, figures: Number(figures), file: file.join(" "), url: pathToFileURL(file.join(" ")).href };
});
let page; // that is looked at
const profile = fs.mkdtempSync(path.join(os.tmpdir(), "contragap-chromium-"));
if (shots) fs.mkdirSync(shots, { recursive: true });

let failures = 0;
let passes = 0;
function check(condition, what) {
  if (condition) passes++;
  else {
    failures++;
    console.error("FAILED: " + (page ? page.name + ": " : "") + what);
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

async function size(width, height, scheme) {
  await send("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: false });
  await send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: scheme }] });
}

async function load() {
  const loaded = event("Page.loadEventFired");
  await send("Page.navigate", { url: page.url });
  await loaded;
}

async function shot(name) {
  if (!shots) return;
  const { cssContentSize } = await send("Page.getLayoutMetrics");
  const clip = { x: 0, y: 0, width: cssContentSize.width, height: cssContentSize.height, scale: 1 };
  const { data } = await send("Page.captureScreenshot", { format: "png", clip, captureBeyondViewport: true });
  fs.writeFileSync(path.join(shots, page.name + "-" + name + ".png"), Buffer.from(data, "base64"));
}

function look() {
  const box = (element) => element.getBoundingClientRect();
  const svgs = [...document.querySelectorAll("figure svg")];
  // [red, green, blue, alpha] of "rgb(0, 114, 178)" and of "color(srgb 0 0.45 0.7 / 0.4)"
  const channels = (text) => {
    const part = text.replace("srgb", "").match(/[\d.]+(e-?\d+)?/g).map(Number);
    const scale = text.startsWith("color(") ? 1 : 255;
    return [...part.slice(0, 3).map((v) => v / scale), part.length > 3 ? part[3] : 1];
  };
  const luminance = (colour) => {
    const linear = colour.slice(0, 3).map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  };
  const backs = new Map();
  const back = (element) => {
    if (!element) return [1, 1, 1, 1];
    if (!backs.has(element)) {
      const own = channels(getComputedStyle(element).backgroundColor), alpha = own[3];
      const under = alpha < 1 ? back(element.parentElement) : own;
      backs.set(element, own.map((v, i) => (i < 3 ? alpha * v + (1 - alpha) * under[i] : 1)));
    }
    return backs.get(element);
  };
  const contrast = (element) => {
    const a = luminance(channels(getComputedStyle(element).color)), b = luminance(back(element));
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  };
  const texts = [...document.querySelectorAll("h1,h2,h3,p,td,th,dt,dd,li,a,b,span,summary,code,pre,figcaption,caption,small,footer")]
    .filter((e) => e.textContent.trim() && box(e).width > 0 && !e.classList.contains("skip"));
  // Two labels of a figure that cover each other by more than a seventh of the smaller one.
  const overlaps = svgs.flatMap((svg) => {
    const boxes = [...svg.querySelectorAll("text")].filter((t) => t.textContent.trim()).map((t) => ({ text: t.textContent.trim(), b: box(t) }));
    const found = [];
    boxes.forEach((one, i) => boxes.slice(i + 1).forEach((two) => {
      const w = Math.min(one.b.right, two.b.right) - Math.max(one.b.left, two.b.left);
      const h = Math.min(one.b.bottom, two.b.bottom) - Math.max(one.b.top, two.b.top);
      const smaller = Math.min(one.b.width * one.b.height, two.b.width * two.b.height);
      if (w > 1 && h > 1 && w * h > smaller / 7) found.push(svg.closest("figure").id + ": '" + one.text + "' and '" + two.text + "'");
    }));
    return found;
  });
  const hyphen = /(^|[\s(\[])-\d/;
  const numbers = [...document.querySelectorAll("td.n, .tile dd, .verdict p, figcaption, figure svg text")];
  const levels = [...document.querySelectorAll("h1,h2,h3,h4")].map((h) => Number(h.tagName[1]));
  const focusable = [...document.querySelectorAll("a[href], th button, summary, .scroll")];
  const named = (e) => (e.getAttribute("aria-label") || e.textContent).trim().length > 0;
  const svgText = svgs.flatMap((svg) => [...svg.querySelectorAll("text")].map((t) => {
    const frame = box(svg), own = box(t);
    return { text: t.textContent, out: own.left < frame.left - 1 || own.right > frame.right + 1 || own.top < frame.top - 1 ||
      own.bottom > frame.bottom + 1, low: (() => {
        // what has a colour of its own stands on a ground of its own, the cell of a map
        if (!(t.closest("[fill]")?.getAttribute("fill") || "").startsWith("var(")) return false;
        const a = luminance(channels(getComputedStyle(t).fill)), b = luminance(back(t));
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
    overlaps,
    hyphens: numbers.filter((e) => !e.closest("pre, code") && hyphen.test(e.textContent)).map((e) => e.textContent.trim().slice(0, 40)),
    jumps: levels.filter((l, i) => i > 0 && l > levels[i - 1] + 1).length,
    unreachable: focusable.filter((e) => e.tabIndex < 0).length,
    nameless: [...focusable.filter((e) => !named(e)), ...[...document.querySelectorAll("img")].filter((i) => !i.alt)]
      .map((e) => e.closest("table")?.caption?.textContent || e.outerHTML.slice(0, 60)),
    tiles: document.querySelectorAll(".tile").length,
    bare: [...document.querySelectorAll(".tile")].filter((t) => !t.querySelector("dt").textContent.trim() || !t.querySelector(".value")).length,
    spilled: [...document.querySelectorAll(".tile *, .verdict *, .advice *")]
      .filter((e) => !e.closest(".unseen") && (box(e).right > innerWidth + 1 || box(e).left < -1)).length,
    tops: Object.fromEntries([["verdict", ".verdict"], ["tile", ".tile"], ["figure", "figure"], ["advice", "#advice h3"], ["link", "a[href='#advice']"]]
      .map(([key, which]) => { const e = document.querySelector(which); return [key, e ? Math.round(box(e).top + scrollY) : null]; })),
    adviceEnd: document.querySelector("#advice") ? Math.round(box(document.querySelector("#advice")).bottom + scrollY) : null,
    clipped: [...document.querySelectorAll("caption > span")].filter((c) => box(c).width && box(c).right > innerWidth).map((c) => c.textContent.slice(0, 40)),
    minText: Math.min(...svgs.flatMap((svg) => [...svg.querySelectorAll("text")].map((t) => box(t)).map((b) => Math.min(b.height, b.width || b.height)).filter((h) => h > 0))),
    overflow: document.documentElement.scrollWidth - window.innerWidth,
    h1: document.querySelectorAll("h1").length,
    h2: document.querySelectorAll("h2").length,
    heads: [...document.querySelectorAll("th")].every((h) => /^(col|row)$/.test(h.getAttribute("scope"))),
    uncaptioned: [...document.querySelectorAll("table")].filter((t) => !(t.caption?.textContent || t.getAttribute("aria-label") || "").trim())
      .map((t) => t.textContent.trim().slice(0, 40)),
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
    broken: [...document.querySelectorAll("td > code")].filter((c) => c.getClientRects().length > 1).map((c) => c.textContent),
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
  const wanted = page.figures;
  check(seen.figures === wanted && seen.svgs.length === wanted, at + seen.svgs.length + " figures, not " + wanted);
  for (const svg of seen.svgs) {
    check(svg.width > 300 && svg.height > 120 && svg.marks > 5 && svg.texts > 5, at + "an empty figure: " + JSON.stringify(svg));
    check(svg.role === "img" && svg.label.length > 30, at + "a figure without a label");
  }
  check(seen.cut.length === 0, at + "text cut off in a figure: " + seen.cut);
  check(seen.pale.length === 0, at + "pale text in a figure: " + seen.pale);
  check(seen.overflow <= 0, at + "the page is " + seen.overflow + " pixels too wide");
  check(seen.h1 === 1 && seen.h2 >= 5, at + "headings");
  check(seen.heads, at + "a table without scopes");
  check(seen.uncaptioned.length === 0, at + "tables without a name: " + seen.uncaptioned);
  check(seen.links, at + "a link that leads nowhere");
  check(seen.ids.length === 0, at + "the same id twice: " + seen.ids.slice(0, 3));
  check(seen.lowContrast.length === 0, at + "low contrast: " + seen.lowContrast.slice(0, 5).join("; "));
  check(seen.dark === (scheme === "dark"), at + "the background is not " + scheme);
  check(seen.lang === "en", at + "no language");
  check(seen.verdict.length > 20, at + "no verdict");
  check(seen.scrolled === 0, at + seen.scrolled + " figures have to be scrolled");
  check(seen.spilled === 0, at + seen.spilled + " elements of tiles, verdict or advice leave the window");
  check(seen.overlaps.length === 0, at + "labels overlap in " + seen.overlaps.slice(0, 4).join("; "));
  check(seen.hyphens.length === 0, at + "a hyphen for a minus sign: " + seen.hyphens.slice(0, 3).join("; "));
  check(seen.jumps === 0, at + seen.jumps + " headings skip a level");
  check(seen.unreachable === 0, at + seen.unreachable + " links or buttons are out of the keyboard's reach");
  check(seen.nameless.length === 0, at + "elements without a name in " + seen.nameless);
  check(seen.clipped.length === 0, at + "captions leave the window: " + seen.clipped.slice(0, 3));
  check(seen.bare === 0, at + "a tile without label or value");
  if (page.kind !== "result") checkFirstScreen(seen, width, at);
  else check(seen.tops.verdict < 200 && (seen.tops.tile === null || seen.tops.tile < 480),
    at + "the box begins at " + seen.tops.verdict + ", the tiles at " + seen.tops.tile);
  check(seen.broken.length === 0, at + "a key is broken over lines: " + seen.broken.slice(0, 3));
  check(seen.script === 1, at + seen.script + " scripts");
}

// What a reader sees before scrolling.
function checkFirstScreen(seen, width, at) {
  check(seen.tiles >= 3, at + "only " + seen.tiles + " tiles");
  if (page.kind === "alarm") return; // comes first
  check(seen.tops.verdict !== null && seen.tops.verdict < 300, at + "the verdict begins at " + seen.tops.verdict);
  check(seen.tops.tile < 600, at + "the tiles begin at " + seen.tops.tile);
  if (width >= 1400) check(seen.tops.figure < 800, at + "the picture begins at " + seen.tops.figure);
  if (page.kind !== "audit") return;
  check(seen.tops.link !== null && seen.tops.link < 800, at + "what to do is named at " + seen.tops.link);
  if (width >= 1400) check(seen.adviceEnd <= 800, at + "the advice ends at " + seen.adviceEnd);
}

// The keyboard opens what is folded, and a link into it does.
async function checkFolds(width) {
  const folds = await evaluate(() => document.querySelectorAll("main details").length);
  if (!folds) return;
  await evaluate(() => document.querySelector("main details > summary").focus());
  for (const type of ["keyDown", "keyUp"])
    await send("Input.dispatchKeyEvent", { type, key: "Enter", code: "Enter", windowsVirtualKeyCode: 13, text: "\r" });
  check(await evaluate(() => document.querySelector("main details").open), width + ": the keyboard does not open what is folded");
  const led = await evaluate(async () => {
    const link = document.querySelector("a[href^='#means-']");
    if (!link) return true;
    link.click();
    await new Promise((done) => setTimeout(done, 50));
    return document.getElementById(link.getAttribute("href").slice(1)).closest("details").open;
  });
  check(led, width + ": a link does not open what is folded");
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
    const points = [...document.querySelectorAll(".pt")], step = Math.max(1, Math.floor(points.length / 40));
    for (const point of points.filter((_, i) => i % step === 0)) {
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

async function checkPage() {
  await load();
  for (const [width, height] of [[390, 844], [768, 1024], [1400, 800]]) {
    for (const scheme of width === 1400 ? ["light", "dark"] : ["light"]) { // colours are the same at every width
      await size(width, height, scheme);
      await checkLook(width, scheme);
      await shot(width + "-" + scheme);
    }
    if (width === 1400) {
      if (await evaluate(() => !!document.querySelector("#measures tbody"))) await checkSorting(width);
      if ((page.kind === "audit" || page.kind === "alarm") && page.figures === 6) await checkHover(width);
      await checkFolds(width);
    }
  }
  check(fs.statSync(page.file).size < 2 * 1024 * 1024, "the page has " + fs.statSync(page.file).size + " bytes");
  await checkPrint();
}

// Paper: how many pages, and no scripts needed.
async function checkPrint() {
  await send("Emulation.setScriptExecutionDisabled", { value: true });
  await size(1400, 800, "light");
  await load();
  const { cssContentSize } = await send("Page.getLayoutMetrics");
  check(cssContentSize.height > 1200, "without scripts the page is only " + cssContentSize.height + " pixels long");
  const { data } = await send("Page.printToPDF", { printBackground: false, preferCSSPageSize: true });
  const pdf = Buffer.from(data, "base64");
  const sheets = (pdf.toString("latin1").match(/\/Type\s*\/Page\b/g) || []).length;
  if (page.kind === "audit" || page.kind === "alone" || page.kind === "alarm") check(sheets > 0 && sheets <= 7, "printed on " + sheets + " pages");
  if (shots) fs.writeFileSync(path.join(shots, page.name + ".pdf"), pdf);
  await send("Emulation.setScriptExecutionDisabled", { value: false });
}

async function main() {
  const { targetId } = await send("Target.createTarget", { url: "about:blank" });
  session = (await send("Target.attachToTarget", { targetId, flatten: true })).sessionId;
  for (const domain of ["Page", "Runtime", "Network", "Log"]) await send(domain + ".enable");
  await send("Network.emulateNetworkConditions", { offline: true, latency: 0, downloadThroughput: 0, uploadThroughput: 0 });
  listeners.push((message) => {
    const p = message.params;
    if (message.method === "Network.requestWillBeSent")
      check(p.request.url.split("#")[0] === page.url || p.request.url.startsWith("data:"), "the page asks for " + p.request.url);
    if (message.method === "Network.loadingFailed") check(false, "something failed to load: " + p.errorText);
    if (message.method === "Runtime.exceptionThrown") check(false, "a script threw: " + p.exceptionDetails.text);
    if (message.method === "Log.entryAdded" && p.entry.level === "error") check(false, "the console says: " + p.entry.text);
  });
  for (page of pages) {
    const before = failures;
    const begin = Date.now();
    await checkPage();
    console.log(page.name + ": " + (failures - before) + " failed, " + ((Date.now() - begin) / 1000).toFixed(1) + " s");
  }
}

const limit = setTimeout(() => { console.error("FAILED: no answer within 500 seconds"); browser.kill("SIGKILL"); process.exit(1); }, 500000);
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
console.log(pages.length + " pages: " + passes + " passed, " + failures + " failed");
process.exit(failures ? 1 : 0);
