// A demo of the shop, a browser, and what every page must be: what the tests of pages begin and end with.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const peers = createRequire(join(process.env.BAYADER_BROWSER_PEERS, "package.json"));
const { chromium } = peers("playwright-core");
const axe = readFileSync(peers.resolve("axe-core/axe.min.js"), "utf8");
export const READY_MS = 30_000;

/** Starts a demo; what it prints tells where it is and who may sign in. */
async function startShop(variables) {
  const env = { ...process.env, BAYADER_RATE_LIMIT__ENABLED: "false", ...variables };
  const server = spawn(process.env.BAYADER, ["serve", "--demo", "--listen", "127.0.0.1:0"], { env });
  let told = "";
  const heard = new Promise((ready, fail) => {
    const timer = setTimeout(() => fail(new Error(`the demo did not start:\n${told}`)), READY_MS);
    const hear = (chunk) => {
      told += chunk;
      if (!/^Its letters.*\n/m.test(told)) return;
      clearTimeout(timer);
      ready();
    };
    server.stdout.on("data", hear);
    server.stderr.on("data", hear);
    server.once("exit", (code) => fail(new Error(`the demo ended with ${code}:\n${told}`)));
  });
  await heard;
  const origin = told.match(/(http:\/\/[0-9.:]+)\/api\/v1 until/)[1];
  const outbox = told.match(/^Its letters.*: (.+)$/m)[1];
  const password = (email) => told.match(new RegExp(`${email} +(\\S+)`))[1];
  const api = async (method, path, body, token) => {
    const answer = await fetch(`${origin}/api/v1${path}`, {
      method,
      headers: { "Content-Type": "application/json", ...(token && { Authorization: `Bearer ${token}` }) },
      body: body && JSON.stringify(body),
    });
    return { status: answer.status, body: await answer.json() };
  };
  return { server, origin, outbox, password, api };
}

/** Starts a shop of its own over a folder, which nobody owns yet. */
export async function startFresh(folder, variables) {
  const env = { ...process.env, BAYADER_RATE_LIMIT__ENABLED: "false", ...variables };
  const command = (...args) => execFileSync(process.env.BAYADER, [...args, "--data-dir", folder], { env, encoding: "utf8" });
  const server = spawn(process.env.BAYADER, ["serve", "--listen", "127.0.0.1:0", "--data-dir", folder], { env });
  let told = "";
  const origin = await new Promise((ready, fail) => {
    const timer = setTimeout(() => fail(new Error(`the shop did not start:\n${told}`)), READY_MS);
    const hear = (chunk) => {
      told += chunk;
      const found = told.match(/listening on (http:\/\/[0-9.]+:[0-9]+)/);
      if (!found) return;
      clearTimeout(timer);
      ready(found[1]);
    };
    server.stdout.on("data", hear);
    server.stderr.on("data", hear);
    server.once("exit", (code) => fail(new Error(`the shop ended with ${code}:\n${told}`)));
  });
  return { server, origin, log: () => told, code: () => command("admin", "setup-code").trim() };
}

async function stop(server) {
  if (server.exitCode !== null) return;
  const ended = new Promise((done) => server.once("exit", done));
  server.kill("SIGTERM");
  await ended;
}

/** Starts a demo and a browser. `others`: origins besides the shop's to which its pages may lead. `start`: what is started instead. */
export async function begin(variables = {}, others = [], start = startShop) {
  const shop = await start(variables);
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM,
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync"],
  });
  const known = [shop.origin, ...others].map((origin) => `${origin}/`);

  /** A page that remembers what must not happen on it. */
  const open = (path, looks) => lookAt((page) => page.goto(shop.origin + path, { waitUntil: "networkidle" }), looks);

  /** The same of a text that is a page: what it asks for must be nothing at all. */
  const show = (html, looks) => lookAt((page) => page.setContent(html), looks);

  async function lookAt(fill, { language = "en", width = 360, scheme = "light", scripts = true, zone = "Asia/Amman" } = {}) {
    const locale = language === "ar" ? "ar-JO" : "en-GB";
    const context = await browser.newContext({
      viewport: { width, height: 740 }, locale, colorScheme: scheme, javaScriptEnabled: scripts, timezoneId: zone,
    });
    const page = await context.newPage();
    const wrong = [];
    page.on("pageerror", (error) => wrong.push(`error: ${error.message}`));
    page.on("console", (message) => message.type() === "error" && wrong.push(`console: ${message.text()}`));
    page.on("response", (answer) => answer.status() >= 500 && wrong.push(`${answer.status()} ${answer.url()}`));
    page.on("request", (request) => {
      const url = request.url();
      if (!known.some((origin) => url.startsWith(origin)) && !url.startsWith("data:")) wrong.push(`request to ${url}`);
    });
    await fill(page);
    return { page, wrong, scripts, close: () => context.close() };
  }

  /** Nothing is wrong with the page as it stands now. Without scripts there is no axe. */
  async function expectGood({ page, wrong, scripts }, what) {
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(overflow <= 0, `${what}: ${overflow} px beyond the side`);
    if (scripts) {
      const rules = JSON.stringify(["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]);
      const violations = await page.evaluate(`${axe}; axe.run(document, { runOnly: ${rules} }).then(({ violations }) =>
        violations.map(({ id, nodes }) => id + ": " + nodes.map(({ target }) => target).join(", ")))`);
      assert.deepEqual(violations, [], what);
    }
    assert.deepEqual(wrong, [], what);
  }

  const end = async () => {
    await browser.close();
    await stop(shop.server);
  };
  return { shop, open, show, expectGood, end };
}
