// @ts-check
// The page /setup: the code and seven fields, then the first order. All words stand in the page of their language, so that this file
// speaks none; changing the language takes the other page's words and leaves what was typed.

/**
 * @typedef {{ code: string, name: {en: string, ar: string} | null, currency: string | null }} Zone
 * @typedef {{ code: string, name: {en: string, ar: string} | null, digits: number, price: string }} Currency
 * @typedef {{ languages: {code: string, name: string}[], timeZones: Zone[], currencies: Currency[],
 *   fixed: {field: string, value: string, place: string}[], code: {state: string, secondsLeft: number, triesLeft: number} }} Choices
 * @typedef {{ code: string, fact?: string }} Said
 */

const NAMES = ["code", "shopName", "locale", "timeZone", "currency", "ownerEmail", "password", "sample"];
/** Kept free for films and books (NANP): no message to it reaches anybody. */
const NOBODYS_PHONE = "+12025550123";

/** @type {Choices | null} */
let choices = null;
/** What was typed. The code and the password stand in this page's memory alone. @type {Record<string, any>} */
const typed = { sample: true };
/** Faults by field. @type {Record<string, Said>} */
let faults = {};
/** @type {Said | null} */
let trouble = null;
/** Which part of the page shows. */
let shows = "";
/** What the person has chosen, so that no guess goes over it. */
const chosen = new Set();
/** When the code ends, on this page's own clock. */
let codeEnds = 0;
let sending = false;
/** @type {{products: number, order: any, item: string, said: Said | null} | null} */
let opened = null;
let orderKey = "";

/** @param {string} id */
const part = (id) => /** @type {any} */ (document.getElementById(id));
const language = () => (document.documentElement.lang === "ar" ? "ar" : "en");

/** What the page says to a word or a code of the API. @param {string} kind @param {string} name @param {string} [fact] */
function words(kind, name, fact = "") {
  const { content } = part("words");
  const found = content.querySelector(`[data-${kind}="${CSS.escape(name)}"]`) ?? content.querySelector("[data-code=invalid]");
  return (found?.textContent ?? "").replace("{}", fact);
}

/** Reads from the left, whatever stands around it. @param {string} text */
const apart = (text) => `\u2066${text}\u2069`;

/** @param {Said | null} said */
const told = (said) => (said ? words("code", said.code, said.fact) : "");

/** @param {string} id @param {string} text */
function write(id, text) {
  const place = part(id);
  if (place && place.textContent !== text) place.textContent = text;
}

// --- what the shop offers ---

/** @returns {Promise<Choices | null>} null: it is open already */
async function ask() {
  const answer = await fetch("/api/v1/setup", { headers: { Accept: "application/json" } });
  if (answer.status === 404) return null;
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.json();
}

async function begin() {
  try {
    const found = await ask();
    if (found) {
      learn(found);
      readPages().catch(() => {});
    }
    show(found ? "asking" : "taken");
  } catch {
    show("away");
  }
}

/** @param {Choices} found */
function learn(found) {
  choices = found;
  codeEnds = performance.now() + found.code.secondsLeft * 1000;
  for (const { field, value } of found.fixed) typed[field] = value;
  guess();
}

/** How it stands with the code now: somebody may have asked for another one on the terminal. */
async function lookAtCode() {
  if (shows !== "asking" || sending) return;
  try {
    const found = await ask();
    if (found) learn(found);
    else show("taken");
    render();
  } catch {
    // The page says so when it is sent.
  }
}

/** The browser knows where it is and what it speaks; what pays there we know of some places. */
function guess() {
  if (!choices) return;
  const fixed = (/** @type {string} */ name) => choices?.fixed.some(({ field }) => field === name) || chosen.has(name);
  if (!fixed("locale")) typed.locale = language();
  if (!fixed("timeZone") && !typed.timeZone) {
    const here = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
    typed.timeZone = here === "Etc/UTC" ? "UTC" : here;
  }
  if (!fixed("currency")) {
    typed.currency = choices.timeZones.find(({ code }) => code === typed.timeZone)?.currency ?? "";
  }
}

// --- what the page shows ---

/** @param {string} id @param {string} [focus] */
function show(id, focus) {
  shows = id;
  render();
  if (focus) part(focus).focus();
}

function render() {
  for (const id of ["asking", "done", "taken", "away"]) part(id).hidden = id !== shows;
  part("preview").hidden = shows !== "asking";
  if (shows === "asking") renderForm();
  if (shows === "done") renderDone();
}

function renderForm() {
  if (!choices) return;
  fill(part("locale"), [choices.languages.map(({ code, name }) => [code, name])]);
  const zones = choices.timeZones.map((zone) => [zone.code, zoneName(zone)]);
  if (!choices.timeZones.some(({ code }) => code === typed.timeZone)) zones.push([typed.timeZone, typed.timeZone]);
  const near = choices.timeZones.filter(({ name }) => name).length;
  fill(part("timeZone"), [zones.slice(0, near), zones.slice(near)], [words("word", "near"), words("word", "far")]);
  const first = typed.currency ? [] : [["", words("word", "choose")]];
  fill(part("currency"), [first.concat(choices.currencies.map((one) => [one.code, currencyName(one)]))]);
  for (const name of NAMES) {
    const field = part(name);
    const fixed = choices.fixed.find((one) => one.field === name);
    if (name === "sample") field.checked = typed.sample;
    else if (field.value !== (typed[name] ?? "")) field.value = typed[name] ?? "";
    field.disabled = fixed !== undefined;
    if (fixed) write(`${name}-help`, words("word", "fixed", apart(fixed.place)));
    write(`${name}-fault`, told(faults[name]));
    if (faults[name]) field.setAttribute("aria-invalid", "true");
    else field.removeAttribute("aria-invalid");
  }
  write("trouble", told(trouble));
  part("password").type = part("show").checked ? "text" : "password";
  renderHelp();
}

/** What follows from what is typed: under the fields, and on the receipt. */
function renderHelp() {
  if (!choices || shows !== "asking") return;
  const isFixed = (/** @type {string} */ name) => choices?.fixed.some(({ field }) => field === name);
  const paid = choices.currencies.find(({ code }) => code === typed.currency);
  const time = clock();
  if (!isFixed("timeZone")) write("timeZone-help", time ? words("word", "clock", apart(time)) : "");
  if (!isFixed("currency")) write("currency-help", paid ? words("word", "prices", apart(`${paid.price} ${paid.code}`)) : "");
  const left = Math.ceil((codeEnds - performance.now()) / 1000);
  const state = choices.code.state === "waits" && left <= 0 ? "ended" : choices.code.state;
  write("code-state", words("word", `code-${state}`));
  const minutes = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
  write("code-left", state === "waits" ? words("word", "left", apart(minutes)) : "");
  write("sign", typed.shopName?.trim() || words("word", "unnamed"));
  write("receipt-day", day());
  write("receipt-number", `B-${day("en-CA-u-nu-latn", { year: "2-digit", month: "2-digit", day: "2-digit" }).replace(/\D/g, "")}-0001`);
  write("receipt-time", time);
  write("receipt-currency", paid?.code ?? "");
  for (const place of document.querySelectorAll("[data-price]")) place.textContent = paid?.price ?? "";
}

const clock = () => day("en-GB", { hour: "2-digit", minute: "2-digit" });

/** @param {string} [locale] @param {Intl.DateTimeFormatOptions} [parts] */
function day(locale, parts = { weekday: "long", day: "numeric", month: "long" }) {
  const spoken = locale ?? (language() === "ar" ? "ar-JO-u-nu-latn-ca-gregory" : "en-GB");
  try {
    return new Intl.DateTimeFormat(spoken, { ...parts, timeZone: typed.timeZone || "UTC" }).format(new Date());
  } catch {
    return "";
  }
}

/** @param {Zone} zone */
const zoneName = (zone) => zone.name?.[language()] ?? zone.code.replaceAll("_", " ");

/** @param {Currency} one */
function currencyName({ code, name }) {
  const known = name?.[language()] ?? new Intl.DisplayNames([language()], { type: "currency" }).of(code) ?? code;
  return known === code ? code : `${known} (${code})`;
}

/** Options of a select, in groups if they have labels. @param {HTMLSelectElement} select @param {string[][][]} groups @param {string[]} [labels] */
function fill(select, groups, labels = []) {
  // A list that somebody walks through by the keys stays as it is.
  const filled = [language(), ...groups.map((group) => `${group.length} ${group.at(-1)}`)].join();
  if (select.dataset.filled === filled) return;
  select.dataset.filled = filled;
  const option = (/** @type {string[]} */ [value, text]) => new Option(text, value);
  const options = groups.flatMap((group, at) => {
    if (!labels[at]) return group.map(option);
    const parent = document.createElement("optgroup");
    parent.label = labels[at];
    parent.append(...group.map(option));
    return [parent];
  });
  select.replaceChildren(...options);
}

function renderDone() {
  if (!choices || !opened) return;
  write("made-name", typed.shopName);
  write("made-owner", typed.ownerEmail);
  const paid = choices.currencies.find(({ code }) => code === typed.currency);
  const zone = choices.timeZones.find(({ code }) => code === typed.timeZone);
  write("made-currency", paid ? currencyName(paid) : typed.currency);
  write("made-zone", zone ? zoneName(zone) : typed.timeZone);
  write("made-products", String(opened.products));
  part("no-products").hidden = opened.products > 0;
  part("test").hidden = opened.products === 0 || opened.order !== null;
  write("test-trouble", told(opened.said));
  part("ordered").hidden = opened.order === null;
  if (!opened.order) return;
  write("ordered-number", opened.order.orderNumber);
  write("ordered-what", opened.item);
  write("ordered-sum", apart(`${opened.order.totalAmount} ${opened.order.currency}`));
  // By the address that this browser knows the shop by, whatever the shop thinks it is called.
  const { pathname, search } = new URL(opened.order.orderUrl, location.origin);
  part("ordered-link").href = `${pathname}${search}${search ? "&" : "?"}lang=${language()}`;
}

// --- what is sent ---

/** Looks at what is typed before it is sent; the shop looks again. @returns {Record<string, Said>} */
function lookAt() {
  /** @type {Record<string, Said>} */
  const found = {};
  for (const name of NAMES) {
    if (name !== "sample" && !String(typed[name] ?? "").trim()) found[name] = { code: "required" };
  }
  if (!found.ownerEmail && part("ownerEmail").validity.typeMismatch) found.ownerEmail = { code: "invalid_email" };
  if (!found.password && [...typed.password.normalize("NFC")].length < 10) found.password = { code: "too_short" };
  return found;
}

function tellFaults() {
  render();
  const first = NAMES.find((name) => faults[name]);
  if (first) part(first).focus();
}

/** @param {any} problem @param {number} status */
function hear(problem, status) {
  if (problem.code === "wrong_code") faults = { code: { code: "wrong_code", fact: String(problem.triesLeft ?? 0) } };
  else if (problem.code === "code_spent") faults = { code: { code: "code_spent" } };
  else if (problem.code === "currency_in_use") faults = { currency: { code: "currency_in_use" } };
  else if (problem.code === "validation_failed") {
    for (const { field, code } of problem.errors) {
      if (NAMES.includes(field)) faults[field] ??= { code };
      else trouble = { code: "failed" };
    }
  } else if (problem.code === "https_required" || problem.code === "csrf_refused") trouble = { code: problem.code };
  else trouble = { code: status === 429 || status === 503 ? "busy" : "failed" };
}

async function send() {
  const answer = await fetch("/api/v1/setup", {
    method: "POST",
    headers: { "Content-Type": "application/json", "Accept-Language": language(), "X-Session": "cookie" },
    body: JSON.stringify(Object.fromEntries(NAMES.map((name) => [name, typed[name]]))),
  });
  if (answer.status === 201) {
    typed.password = "";
    typed.code = "";
    opened = { products: await count(), order: null, item: "", said: null };
    show("done", "done");
    return;
  }
  if (answer.status === 404) {
    show("taken", "taken");
    return;
  }
  hear(await answer.json(), answer.status);
  if (faults.code) {
    sending = false;
    await lookAtCode();
  }
  tellFaults();
}

/** @param {string} id @param {() => Promise<void>} work */
async function once(id, work) {
  if (sending) return;
  sending = true;
  part(id).setAttribute("aria-busy", "true");
  try {
    await work();
  } catch {
    if (shows === "done" && opened) opened.said = { code: "no_order" };
    else trouble = { code: "offline" };
    render();
  } finally {
    sending = false;
    part(id).removeAttribute("aria-busy");
  }
}

// --- the first order ---

/** As anybody asks who is no account: the owner's cookie stays out of it. @param {string} path @param {RequestInit} [more] */
const asGuest = (path, more = {}) =>
  fetch(path, { ...more, credentials: "omit", headers: { "Accept-Language": language(), ...more.headers } });

async function count() {
  const answer = await asGuest("/api/v1/products?per_page=1");
  return answer.ok ? (await answer.json()).meta.total : 0;
}

async function order() {
  if (!opened) return;
  opened.said = null;
  const menu = await (await asGuest("/api/v1/products?in_stock=true&per_page=100")).json();
  const isPlain = (/** @type {any} */ product) => !product.optionGroups.some((/** @type {any} */ group) => group.required);
  const product = menu.data.find(isPlain);
  if (!product) throw new Error("nothing can be ordered without a choice");
  orderKey ||= [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const answer = await asGuest("/api/v1/orders", {
    method: "POST",
    headers: { "Content-Type": "application/json", "Idempotency-Key": orderKey },
    body: JSON.stringify({
      items: [{ productId: product.id, quantity: 1 }],
      customerInfo: { name: words("word", "tester"), email: typed.ownerEmail, phone: NOBODYS_PHONE },
      paymentMethod: "cash",
      isPickup: true,
    }),
  });
  if (answer.status !== 201) throw new Error(String(answer.status));
  opened.order = await answer.json();
  opened.item = product.name;
  render();
  part("ordered").focus();
}

// --- the page itself ---

/** This page in its languages, read at the beginning: a shop that is open has no such page any more. @type {Record<string, Document>} */
const pages = {};

async function readPages() {
  for (const name of ["ar", "en"]) {
    const answer = await fetch(`/setup?lang=${name}`, { redirect: "error" });
    pages[name] = new DOMParser().parseFromString(await answer.text(), "text/html");
  }
}

/** The other language's words in place of these; nothing that was typed is lost. @param {string} to */
async function speak(to) {
  if (!pages[to]) await readPages();
  const page = pages[to];
  const main = page?.getElementById("main");
  if (!main) throw new Error("no page");
  document.documentElement.lang = page.documentElement.lang;
  document.documentElement.dir = page.documentElement.dir;
  document.title = page.title;
  part("main").replaceWith(document.importNode(main, true));
  history.replaceState(null, "", `?lang=${to}`);
  guess();
  attend();
  render();
  part("other").focus();
}

function attend() {
  part("other").addEventListener("click", (/** @type {MouseEvent} */ event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const { hreflang, href } = part("other");
    speak(hreflang).catch(() => location.assign(href));
  });
  part("form").addEventListener("input", (/** @type {Event} */ event) => {
    const field = /** @type {any} */ (event.target);
    if (!NAMES.includes(field.name)) return;
    typed[field.name] = field.name === "sample" ? field.checked : field.value;
    chosen.add(field.name);
    if (field.name === "timeZone") guess();
    if (faults[field.name]) {
      delete faults[field.name];
      write(`${field.name}-fault`, "");
      field.removeAttribute("aria-invalid");
    }
    if (field.name === "timeZone" || field.name === "currency") renderForm();
    else renderHelp();
  });
  part("show").addEventListener("change", render);
  part("form").addEventListener("submit", (/** @type {Event} */ event) => {
    event.preventDefault();
    if (sending) return;
    trouble = null;
    faults = lookAt();
    if (Object.keys(faults).length) tellFaults();
    else once("send", send);
  });
  part("test").addEventListener("click", () => once("test", order));
  part("again").addEventListener("click", begin);
}

/** Seconds after which a page that has no code looks whether there is one by now: it may be made on another machine. */
const LOOK_S = 10;
let ticks = 0;
setInterval(() => {
  renderHelp();
  ticks += 1;
  const waits = choices?.code.state === "waits" && codeEnds > performance.now();
  if (!waits && ticks % LOOK_S === 0 && document.visibilityState === "visible") lookAtCode();
}, 1000);
addEventListener("focus", lookAtCode);
attend();
begin();
