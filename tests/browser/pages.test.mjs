// The pages of the binary in a real browser, against a demo of its own: in both languages, on a phone and on a desk, by day and by
// night; and the two ways by which people choose a password, from the letter to the first sign-in, by keyboard alone.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { READY_MS, begin } from "./shop.mjs";

let shop, open, expectGood, end;

before(async () => ({ shop, open, expectGood, end } = await begin()));
after(() => end?.());

const PAGES = {
  reset: "/account/reset#token=none-of-this-shop",
  "reset without a token": "/account/reset",
  forgot: "/account/forgot",
  invite: "/account/invite#token=none-of-this-shop",
  docs: "/api/v1/docs",
  errors: "/api/v1/docs/errors",
};

for (const [name, path] of Object.entries(PAGES)) {
  for (const language of ["en", "ar"]) {
    test(`${name} in ${language}`, async () => {
      for (const [width, scheme] of [[360, "light"], [360, "dark"], [1280, "light"]]) {
        const seen = await open(path, { language, width, scheme });
        const root = seen.page.locator("html");
        assert.equal(await root.getAttribute("lang"), language);
        assert.equal(await root.getAttribute("dir"), language === "ar" ? "rtl" : "ltr");
        await expectGood(seen, `${name} in ${language}, ${width} px, ${scheme}`);
        await seen.close();
      }
    });
  }
}

test("an operation of the docs opens and is sent by keyboard", async () => {
  for (const language of ["en", "ar"]) {
    const seen = await open("/api/v1/docs", { language });
    const { page } = seen;
    await page.keyboard.press("/");
    await page.keyboard.type("payments/methods");
    const operation = page.locator("details:visible", { hasText: "/api/v1/payments/methods" }).last();
    await operation.locator("summary").first().focus();
    await page.keyboard.press("Enter");
    await expectGood(seen, `an open operation in ${language}`);
    await operation.locator("form button").first().focus();
    await page.keyboard.press("Enter");
    await operation.locator("pre.tall:visible", { hasText: '"cash"' }).waitFor();
    await expectGood(seen, `an answered operation in ${language}`);
    await seen.close();
  }
});

const api = (path, body, token) => shop.api("POST", path, body, token);
const signIn = (email, password) => api("/auth/login", { email, password });

/** The link of the last letter to this address, once it lies there. */
async function link(email) {
  const until = Date.now() + READY_MS;
  for (;;) {
    const letters = readdirSync(shop.outbox).filter((name) => name.endsWith(".eml")).sort();
    // Quoted-printable: a long line is folded, and its equals signs are spelled out.
    const read = (name) => readFileSync(join(shop.outbox, name), "utf8").replace(/=\r?\n/g, "").replaceAll("=3D", "=");
    const found = letters.map(read).findLast((text) => text.includes(email) && text.includes("#token="));
    const address = found?.match(/http\S+#token=\S+/)?.[0];
    if (address) return address.slice(shop.origin.length);
    if (Date.now() > until) throw new Error(`no letter to ${email} came`);
    await new Promise((done) => setTimeout(done, 20));
  }
}

/** Types a password into the field that has the focus: first one that is refused, then the right one. */
async function choose(seen, language, password) {
  const { page } = seen;
  await page.keyboard.type("short");
  await page.keyboard.press("Enter");
  await page.locator("#password[aria-invalid=true]:focus").waitFor();
  await expectGood(seen, `a refused password in ${language}`);
  await page.keyboard.press("Control+A");
  await page.keyboard.type(password);
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.id), "show");
  await page.keyboard.press("Space");
  assert.equal(await page.locator("#password").getAttribute("type"), "text");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.locator("#done:focus").waitFor();
  await expectGood(seen, `a chosen password in ${language}`);
}

for (const language of ["en", "ar"]) {
  test(`a forgotten password is reset in ${language}`, async () => {
    const email = "layla@example.com";
    const before = language === "en" ? shop.password(email) : "olives-and-thyme-en";
    const password = `olives-and-thyme-${language}`;
    const asking = await open("/account/forgot", { language });
    await asking.page.keyboard.type(email);
    await asking.page.keyboard.press("Enter");
    await asking.page.locator("#done:focus").waitFor();
    await expectGood(asking, `asked for a link in ${language}`);
    await asking.close();
    const address = await newLink(email);
    const seen = await open(address, { language });
    assert.ok(!seen.page.url().includes("token"), "the token stays in the address bar");
    await choose(seen, language, password);
    await seen.close();
    assert.equal((await signIn(email, before)).body.code, "invalid_credentials");
    assert.equal((await signIn(email, password)).status, 200);
    const again = await open(address, { language });
    await again.page.keyboard.type("another-long-one");
    await again.page.keyboard.press("Enter");
    await again.page.locator("#gone:focus").waitFor();
    await again.close();
  });
}

const used = new Set();
/** As `link`, but one that was not handed out before. */
async function newLink(email) {
  const until = Date.now() + READY_MS;
  for (;;) {
    const address = await link(email);
    if (!used.has(address)) {
      used.add(address);
      return address;
    }
    if (Date.now() > until) throw new Error(`no further letter to ${email} came`);
    await new Promise((done) => setTimeout(done, 20));
  }
}

test("who is invited chooses a password and signs in", async () => {
  const { token } = (await signIn("owner@example.com", shop.password("owner@example.com"))).body;
  const invited = { name: "Nadia Saleh", email: "nadia@example.com", phone: "+962790000077", role: "staff" };
  assert.equal((await api("/auth/register", invited, token)).status, 201);
  const seen = await open(await newLink(invited.email), { language: "ar" });
  await choose(seen, "ar", "flour-and-patience");
  await seen.close();
  assert.equal((await signIn(invited.email, "flour-and-patience")).body.user.role, "staff");
});
