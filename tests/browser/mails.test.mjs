// Every e-mail as its reader sees it: what the preview shows, set as a page, on a phone and a narrower one, by day and by night, in both
// languages. BAYADER_SHOTS=dir keeps pictures of them.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { begin } from "./shop.mjs";

const shots = process.env.BAYADER_SHOTS;
let shop, show, expectGood, end, token, kinds;

before(async () => {
  ({ shop, show, expectGood, end } = await begin());
  const email = "owner@example.com";
  const signedIn = await shop.api("POST", "/auth/login", { email, password: shop.password(email) });
  token = signedIn.body.token;
  kinds = (await shop.api("GET", "/notifications/templates", undefined, token)).body.data;
  if (shots) mkdirSync(shots, { recursive: true });
});
after(() => end?.());

/** Texts that are hard to read on what is behind them: less than 4.5 to 1 (WCAG 1.4.3). */
const faint = () => {
  const channel = (value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4);
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const rgb = (text) => text.match(/[\d.]+/g).map(Number);
  const behind = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const colour = rgb(getComputedStyle(at).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const found = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let text = texts.nextNode(); text; text = texts.nextNode()) {
    const node = text.parentElement;
    if (!text.data.trim() || !node.checkVisibility()) continue;
    const [one, other] = [light(rgb(getComputedStyle(node).color)), light(behind(node))];
    const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    if (ratio < 4.5) found.push(`${ratio.toFixed(1)}: ${text.data.trim().slice(0, 40)}`);
  }
  return found;
};

for (const language of ["en", "ar"]) {
  test(`every e-mail in ${language}`, async () => {
    assert.ok(kinds.length >= 17, "the kinds");
    for (const { type, channels } of kinds) {
      if (!channels.includes("email")) continue;
      const path = `/notifications/templates/${type}/preview?locale=${language}&channel=email`;
      const { status, body } = await shop.api("GET", path, undefined, token);
      assert.equal(status, 200, `${type}: ${JSON.stringify(body)}`);
      for (const [width, scheme] of [[360, "light"], [360, "dark"], [320, "light"], [1280, "light"]]) {
        const what = `${type} in ${language}, ${width} px, ${scheme}`;
        const seen = await show(body.html, { language, width, scheme });
        const root = seen.page.locator("html");
        assert.equal(await root.getAttribute("lang"), language, what);
        assert.equal(await root.getAttribute("dir"), language === "ar" ? "rtl" : "ltr", what);
        assert.equal(await seen.page.title(), body.subject, what);
        await expectGood(seen, what);
        assert.deepEqual(await seen.page.evaluate(faint), [], what);
        if (shots && width !== 320) {
          const path = join(shots, `${type}.${language}.${width}.${scheme}.png`);
          await seen.page.screenshot({ path, fullPage: true });
        }
        await seen.close();
      }
    }
  });
}
