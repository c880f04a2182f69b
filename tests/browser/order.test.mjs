// The order's page as its buyer has it on a phone: without scripts, in both languages, by day and by night; and the whole way from the
// link to the gateway's page and back.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { after, before, test } from "node:test";
import { begin } from "./shop.mjs";
import { startStripe } from "./stripe.mjs";

let shop, open, expectGood, end, stripe, admin, product;

before(async () => {
  stripe = await startStripe();
  const variables = {
    BAYADER_PAYMENTS__STRIPE__SECRET_KEY: "sk_test_double",
    BAYADER_PAYMENTS__STRIPE__WEBHOOK_SECRET: "whsec_double",
    BAYADER_PAYMENTS__STRIPE__BASE_URL: stripe.base,
  };
  ({ shop, open, expectGood, end } = await begin(variables, [stripe.page]));
  const signedIn = await shop.api("POST", "/auth/login", { email: "owner@example.com", password: shop.password("owner@example.com") });
  admin = signedIn.body.token;
  const settings = (await shop.api("GET", "/admin/settings", undefined, admin)).body;
  const change = {
    version: settings.version,
    shop: { ...settings.shop, phone: "+96265551234", address: "Rainbow Street 12\nJabal Amman",
      transferDetails: "CliQ: BAYADER\nBank of Amman, JO94 CBJO 0010 0000 0000 0131 0003 02" },
    orders: { ...settings.orders, deliveryFee: "1.500" },
    paymentMethods: { ...settings.paymentMethods, cash: true, transfer: true },
  };
  const saved = await shop.api("PUT", "/admin/settings", change, admin);
  assert.equal(saved.status, 200, JSON.stringify(saved.body));
  const named = { name: "Za'atar manousheh with a name that is long enough for two lines", price: "0.600", category: "manakish", stock: 900,
    translations: { ar: { name: "منقوشة زعتر بلدي بالسمسم المحمص واسم طويل يكفي لسطرين" } } };
  const categories = (await shop.api("GET", "/categories")).body.data;
  named.category = categories.find(({ slug }) => slug === "manakish")?.slug ?? categories[0].slug;
  const made = await shop.api("POST", "/products", named, admin);
  assert.equal(made.status, 201, JSON.stringify(made.body));
  product = made.body.id;
});

after(async () => {
  await end?.();
  await stripe?.end();
});

let phones = 0;

/** Places an order as a guest; its path with the token. */
async function place(paymentMethod, { delivery = false } = {}) {
  const body = {
    items: [{ productId: product, quantity: 6 }],
    customerInfo: { name: "ليلى حداد", phone: `+96279000${String((phones += 1)).padStart(4, "0")}` },
    paymentMethod, isPickup: !delivery, notes: "Please ring twice / الرجاء قرع الجرس",
    ...(delivery && { deliveryInfo: { address: { line1: "شارع الرينبو 12", area: "جبل عمّان", city: "عمّان" } } }),
  };
  const { status, body: placed } = await shop.api("POST", "/orders", body);
  assert.equal(status, 201, JSON.stringify(placed));
  assert.ok(placed.orderUrl.startsWith(`${shop.origin}/o/`), placed.orderUrl);
  return { id: placed.orderId, number: placed.orderNumber, path: placed.orderUrl.slice(shop.origin.length) };
}

/** BAYADER_SHOTS=folder keeps a picture of each page, to be looked at. */
async function keep(page, name) {
  const folder = process.env.BAYADER_SHOTS;
  if (!folder) return;
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: `${folder}/${name.replaceAll(/[^a-z0-9]+/gi, "-")}.png`, fullPage: true });
}

/** Looks at a page without scripts by day and by night, and with them, for axe. */
async function look(path, name) {
  for (const language of ["en", "ar"]) {
    for (const [scheme, scripts, width] of [["light", false, 360], ["dark", false, 360], ["light", true, 360], ["dark", true, 320]]) {
      const seen = await open(path, { language, scheme, scripts, width });
      const root = seen.page.locator("html");
      assert.equal(await root.getAttribute("lang"), language);
      assert.equal(await root.getAttribute("dir"), language === "ar" ? "rtl" : "ltr");
      assert.ok(!seen.page.url().includes("token"), "the token stays in the address bar");
      seen.wrong = seen.wrong.filter((what) => !what.startsWith("console: Failed to load resource"));
      await expectGood(seen, `${name} in ${language}, ${scheme}, ${width} px`);
      // To the shop by WhatsApp, message or phone: each large enough for a thumb.
      for (const link of await seen.page.locator(".foot a").all()) {
        const { height } = await link.boundingBox();
        assert.ok(height >= 44, `${await link.textContent()} is ${height} px high`);
      }
      if (!scripts) await keep(seen.page, `${name}-${language}-${scheme}`);
      await seen.close();
    }
  }
}

test("an order that waits for its payment", async () => look((await place("stripe")).path, "unpaid"));
test("an order to be paid in cash at the door", async () => look((await place("cash", { delivery: true })).path, "cash"));
test("an order to be paid by transfer", async () => look((await place("transfer")).path, "transfer"));

test("a buyer writes to the shop with the order's number ready", async () => {
  const { number, path } = await place("cash");
  for (const language of ["en", "ar"]) {
    const seen = await open(path, { language, scripts: false });
    const links = await seen.page.locator(".write a").evaluateAll((all) => all.map(({ href }) => href));
    assert.equal(links.length, 2);
    assert.ok(links[0].startsWith("https://wa.me/96265551234?text=") && links[1].startsWith("sms:+96265551234?body="), `${links}`);
    for (const link of links) assert.ok(decodeURIComponent(link).includes(number), link);
    await seen.close();
  }
});

test("an order that was cancelled", async () => {
  const { id, path } = await place("cash");
  assert.equal((await shop.api("POST", `/orders/${id}/cancel`, {}, admin)).status, 200);
  await look(path, "cancelled");
});

test("refusals are pages too", async () => {
  const { id } = await place("cash");
  await look(`/o/${id}`, "without a link");
  await look("/o/nothing", "no order");
});

for (const language of ["en", "ar"]) {
  test(`a buyer without scripts pays and comes back in ${language}`, async () => {
    const say = (en, ar) => (language === "en" ? en : ar);
    const { id, path } = await place("stripe");
    const seen = await open(path, { language, scripts: false });
    const { page } = seen;
    const own = `${shop.origin}/o/${id}`;
    assert.equal(page.url(), own);
    const pay = () => page.locator('button[value="stripe"]').click();
    await pay();
    await page.waitForURL(`${stripe.page}/page/*`);
    // The page between leaves nothing to go back to.
    await page.goBack();
    assert.equal(page.url(), own);
    await pay();
    await page.waitForURL(`${stripe.page}/page/*`);
    await page.locator("a").click();
    await page.waitForURL(`${own}?said=left`);
    await page.getByText(say("It is not paid yet.", "لم يُدفع الطلب بعد.")).waitFor();
    await expectGood(seen, `left the gateway in ${language}`);
    await keep(page, `left-${language}`);
    assert.equal(stripe.sessions.size > 0, true);
    await pay();
    await page.waitForURL(`${stripe.page}/page/*`);
    await page.getByText("Pay", { exact: true }).click();
    await page.waitForURL(`${own}?back=1`);
    await page.locator(".pill", { hasText: say("Confirmed", "مؤكَّد") }).waitFor();
    await page.locator(".pill", { hasText: say("Paid", "مدفوع") }).waitFor();
    await expectGood(seen, `paid in ${language}`);
    await keep(page, `paid-${language}`);
    // Cancelled again, in two steps: what was paid goes back.
    await page.getByText(say("Cancel the order", "إلغاء الطلب")).click();
    await page.waitForURL(`${own}/cancel`);
    await expectGood(seen, `asked whether to cancel in ${language}`);
    await keep(page, `cancel-${language}`);
    await page.getByRole("link", { name: say("Keep the order", "الإبقاء على الطلب") }).click();
    await page.waitForURL(own);
    await page.getByText(say("Cancel the order", "إلغاء الطلب")).click();
    await page.locator("button.danger").click();
    await page.waitForURL(own);
    await page.locator(".pill", { hasText: say("Cancelled", "ملغى") }).waitFor();
    await expectGood(seen, `cancelled in ${language}`);
    await keep(page, `paid-and-cancelled-${language}`);
    await seen.close();
  });
}

test("a gateway that is down is waited for, and the page looks again by itself", async () => {
  const { id, path } = await place("stripe");
  const seen = await open(path, { scripts: false });
  const { page } = seen;
  await page.locator('button[value="stripe"]').click();
  await page.waitForURL(`${stripe.page}/page/*`);
  stripe.failing(true);
  await page.getByText("Pay", { exact: true }).click();
  await page.waitForURL(`${shop.origin}/o/${id}?back=1`, { timeout: 60_000 });
  await page.getByText("Waiting for the bank's word.").waitFor();
  await expectGood(seen, "waiting");
  await keep(page, "waiting-en");
  stripe.failing(false);
  await page.locator(".pill", { hasText: "Confirmed" }).waitFor({ timeout: 30_000 });
  await seen.close();
});
