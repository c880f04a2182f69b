// The first hour of a shop in a real browser: from an empty folder and the code of its machine to the first order, as a person does
// it, by keyboard; in both languages, on a phone and on a desk, by day and by night.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { begin, startFresh } from "./shop.mjs";

/** A shop that nobody owns, to the end of `use`. */
async function fresh(use, variables = {}) {
  const folder = mkdtempSync(join(tmpdir(), "bayader-setup-"));
  const started = await begin(variables, [], () => startFresh(folder, variables));
  try {
    await use(started, folder);
  } finally {
    await started.end();
    rmSync(folder, { recursive: true, force: true });
  }
}

const VIEWS = [[360, "light"], [360, "dark"], [1280, "light"]];
const OWNERS = { en: "salma@example.com", ar: "huda@example.com" };
const SHOPS = { en: "Salma's Bakery", ar: "مخبز هدى" };
const PASSWORD = "saffron-and-rose";

const fault = (page, field) => page.locator(`#${field}-fault`).textContent();
/** Keeps a picture for whoever wants to look (`SHOTS=folder`). */
const shot = ({ page }, name) => process.env.SHOTS && page.screenshot({ path: join(process.env.SHOTS, `${name}.png`), fullPage: true });

for (const language of ["en", "ar"]) {
  test(`a shop is set up and sells its first piece in ${language}`, () => fresh(async ({ shop, open, expectGood }, folder) => {
    // Whatever is opened first leads to the page.
    const seen = await open("/", { language });
    const { page } = seen;
    await page.locator("#asking:visible").waitFor();
    assert.equal(new URL(page.url()).pathname, "/setup");
    const code = shop.code();
    let actions = 0;
    const type = async (text) => {
      await page.keyboard.type(text);
      actions += 1;
    };
    const tab = async (to) => {
      while ((await page.evaluate(() => document.activeElement.id)) !== to) await page.keyboard.press("Tab");
    };
    await tab("code");
    await type(code.toLowerCase().replace("-", ""));
    await tab("shopName");
    await type(SHOPS[language]);
    assert.equal(await page.locator("#sign").textContent(), SHOPS[language]);
    assert.equal(await page.locator("#locale").inputValue(), language);
    assert.equal(await page.locator("#timeZone").inputValue(), "Asia/Amman", "the browser's own time zone is guessed");
    assert.equal(await page.locator("#currency").inputValue(), "JOD");
    assert.match(await page.locator("#currency-help").textContent(), /0\.350/);
    await tab("ownerEmail");
    await type(OWNERS[language]);
    await tab("password");
    await type(PASSWORD);
    await shot(seen, `filled-${language}`);
    await page.keyboard.press("Enter");
    actions += 1;
    await page.locator("#done:focus").waitFor();
    await expectGood(seen, `an open bakery in ${language}`);
    assert.equal(await page.locator("#made-name").textContent(), SHOPS[language]);
    assert.equal(await page.locator("#made-products").textContent(), "68");
    await tab("test");
    await page.keyboard.press("Enter");
    actions += 1;
    await page.locator("#ordered:focus").waitFor();
    await expectGood(seen, `a test order in ${language}`);
    await shot(seen, `done-${language}`);
    assert.match(await page.locator("#ordered-number").textContent(), /^B-\d{6}-0001$/);
    // Four fields and two buttons: what a person types and presses, from the page to the first order.
    assert.equal(actions, 6, "four fields, two buttons");

    const [order] = await Promise.all([page.context().waitForEvent("page"), page.locator("#ordered-link").click()]);
    await order.waitForLoadState();
    assert.match(await order.locator("body").textContent(), /B-\d{6}-0001/);
    // The owner is signed in by the cookie, in this browser.
    const me = await page.evaluate(async () => (await fetch("/api/v1/auth/me")).json());
    assert.deepEqual([me.email, me.role], [OWNERS[language], "admin"]);
    // A language is changed without losing the finished page.
    await page.locator("#other").click();
    await page.locator("#ordered:visible").waitFor();
    await expectGood(seen, `an open bakery seen in the other language than ${language}`);
    await page.goto(`${shop.origin}/setup`);
    assert.equal(new URL(page.url()).pathname, "/api/v1/docs", "there is nothing to set up any more");
    await seen.close();

    const files = readdirSync(folder, { recursive: true }).map((name) => join(folder, name)).filter((name) => statSync(name).isFile());
    const letters = code.replace("-", "");
    for (const file of files) {
      const bytes = readFileSync(file, "latin1");
      assert.ok(!bytes.includes(code) && !bytes.includes(letters), `${file} holds the code`);
    }
    assert.ok(!shop.log().includes(code) && !shop.log().includes(letters), "the log holds the code");
  }));
}

test("the page is good in every light, and tells each fault beside its field", () => fresh(async ({ shop, open, expectGood }) => {
  for (const language of ["en", "ar"]) {
    for (const [width, scheme] of VIEWS) {
      const what = `${language}, ${width} px, ${scheme}`;
      const seen = await open("/setup", { language, width, scheme });
      const { page } = seen;
      await page.locator("#asking:visible").waitFor();
      assert.equal(await page.locator("html").getAttribute("dir"), language === "ar" ? "rtl" : "ltr");
      await expectGood(seen, `an empty form, ${what}`);
      await shot(seen, `empty-${language}-${width}-${scheme}`);
      await page.locator("#send").click();
      await page.locator("#code[aria-invalid=true]:focus").waitFor();
      for (const field of ["code", "shopName", "ownerEmail", "password"]) assert.notEqual(await fault(page, field), "", field);
      await expectGood(seen, `faults of an empty form, ${what}`);
      await page.locator("#code").fill("AAAA-AAAA");
      await page.locator("#shopName").fill("B");
      await page.locator("#ownerEmail").fill("b@example.com");
      await page.locator("#password").fill("1234567890");
      await page.locator("#send").click();
      // The commonest are refused by the shop.
      await page.locator("#password[aria-invalid=true]:focus").waitFor();
      await shot(seen, `faults-${language}-${width}-${scheme}`);
      await expectGood({ ...seen, wrong: seen.wrong.filter((line) => !line.includes("422")) }, `a refused password, ${what}`);
      await seen.close();
    }
  }

  // A wrong code: the tries go down, the language may change in between, and after five only a new one counts.
  shop.code();
  const seen = await open("/setup", { language: "en" });
  const { page } = seen;
  await page.locator("#shopName").fill("Salma's Bakery");
  await page.locator("#ownerEmail").fill("salma@example.com");
  await page.locator("#password").fill(PASSWORD);
  await page.locator("#code").fill("AAAA-AAAA");
  for (const left of [4, 3, 2, 1, 0]) {
    await page.locator("#send").click();
    await page.locator(`#code-fault:text("${left}")`).waitFor();
    await page.locator("#other").click();
    await page.locator(`html[lang=${left % 2 ? "en" : "ar"}]`).waitFor();
    assert.match(await fault(page, "code"), new RegExp(String(left)), "the fault is told in the other language too");
    assert.equal(await page.locator("#shopName").inputValue(), "Salma's Bakery");
    assert.equal(await page.locator("#password").inputValue(), PASSWORD);
  }
  await page.locator("#send").click();
  await page.locator('#code-state:text("setup-code")').waitFor();
  await shot(seen, "spent");
  await page.locator("#code").fill(shop.code());
  await page.locator("#send").click();
  await page.locator("#done:focus").waitFor();
  await seen.close();
}));

test("what the configuration decides is shown with its reason, and a shop without the sample asks for a product", () => fresh(
  async ({ shop, open, expectGood }) => {
    const seen = await open("/setup", { language: "en" });
    const { page } = seen;
    assert.equal(await page.locator("#currency").inputValue(), "USD");
    assert.ok(await page.locator("#currency").isDisabled());
    assert.match(await page.locator("#currency-help").textContent(), /BAYADER_SHOP__CURRENCY/);
    await expectGood(seen, "a fixed currency");
    await page.locator("#code").fill(shop.code());
    await page.locator("#shopName").fill("Corner Bakery");
    await page.locator("#ownerEmail").fill("owner@example.com");
    await page.locator("#password").fill(PASSWORD);
    await page.locator("#sample").uncheck();
    await page.locator("#send").click();
    await page.locator("#done:focus").waitFor();
    assert.ok(await page.locator("#no-products").isVisible());
    assert.ok(await page.locator("#test").isHidden());
    await expectGood(seen, "an open bakery without products");
    await seen.close();
  }, { BAYADER_SHOP__CURRENCY: "USD" }));
