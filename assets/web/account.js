// @ts-check
// The pages under /account: choose a password by a link, or ask for one. All words stand in the page, so that this file speaks no
// language; the token of a link stands in this page's memory alone.

/** What came with the link. It leaves the address bar at once, so that no history, screenshot or shared address keeps it. */
let token = "";

/** @param {string} id */
const part = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
const form = /** @type {HTMLFormElement} */ (part("form"));
const field = /** @type {HTMLInputElement} */ (form.querySelector("input:not([type=checkbox])"));
const button = /** @type {HTMLButtonElement} */ (form.querySelector("button"));
const show = /** @type {HTMLInputElement | null} */ (document.getElementById("show"));
const asksForLink = form.dataset.form === "forgot";

/** What the page says to a code of the API. @param {string} code */
function words(code) {
  const { content } = /** @type {HTMLTemplateElement} */ (part("words"));
  const found = content.querySelector(`[data-code="${CSS.escape(code)}"]`) ?? content.querySelector("[data-code=failed]");
  return found?.textContent ?? "";
}

/** Shows one notice in place of the form, and brings the reader to it. @param {string} id */
function end(id) {
  form.hidden = true;
  part(id).hidden = false;
  part(id).focus();
}

/** @param {string} code */
function tellFault(code) {
  part("fault").textContent = words(code);
  field.setAttribute("aria-invalid", "true");
  field.focus();
}

/** What is not the field's fault. @param {string} code @param {string} [requestId] */
function tellTrouble(code, requestId) {
  part("trouble").textContent = requestId ? `${words(code)} (${requestId})` : words(code);
}

function clear() {
  part("fault").textContent = "";
  part("trouble").textContent = "";
  field.removeAttribute("aria-invalid");
}

function readToken() {
  const found = new URLSearchParams(location.hash.slice(1)).get("token");
  if (!found) return;
  token = found;
  history.replaceState(null, "", location.pathname + location.search);
}

/** Looks at what is typed before it is sent; the shop looks again. @returns {string} a code, or nothing */
function lookAt() {
  if (field.value === "") return "required";
  if (asksForLink) return field.validity.typeMismatch ? "invalid_email" : "";
  return [...field.value.normalize("NFC")].length < 10 ? "too_short" : "";
}

async function send() {
  const body = asksForLink ? { email: field.value } : { token, password: field.value };
  const answer = await fetch(asksForLink ? "/api/v1/auth/password/forgot" : "/api/v1/auth/password/reset", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  if (answer.ok) {
    for (const place of document.querySelectorAll("[data-email]")) place.textContent = field.value;
    field.value = "";
    end("done");
    return;
  }
  const problem = await answer.json();
  if (problem.code === "invalid_link") end("gone");
  else if (problem.code === "validation_failed") tellFault(problem.errors[0].code);
  else if (answer.status === 429 || answer.status === 503) tellTrouble("busy");
  else tellTrouble("failed", problem.requestId);
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (button.getAttribute("aria-busy") === "true") return;
  clear();
  const code = lookAt();
  if (code) {
    tellFault(code);
    return;
  }
  button.setAttribute("aria-busy", "true");
  try {
    await send();
  } catch {
    tellTrouble("offline");
  } finally {
    button.removeAttribute("aria-busy");
  }
});

show?.addEventListener("change", () => {
  field.type = show.checked ? "text" : "password";
});

const other = /** @type {HTMLAnchorElement} */ (part("other"));
other.addEventListener("click", (event) => {
  if (!token || event.ctrlKey || event.metaKey || event.shiftKey) return;
  // The token goes along to the page in the other language, which takes it out of its address in turn.
  event.preventDefault();
  location.replace(`${other.href}#token=${encodeURIComponent(token)}`);
});

function begin() {
  readToken();
  const usable = asksForLink || token !== "";
  form.hidden = !usable;
  part("gone").hidden = usable;
  part("done").hidden = true;
  if (usable) field.focus();
}

// A second link opened in the same tab changes the fragment alone.
addEventListener("hashchange", begin);
begin();
