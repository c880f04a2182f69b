// The way out of promotions as a reader has it on a phone: one button, without a script, in both languages, by day and by night.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { after, before, test } from "node:test";
import { begin } from "./shop.mjs";

let open, expectGood, end;

before(async () => {
  ({ open, expectGood, end } = await begin());
});

after(async () => {
  await end?.();
});

/** BAYADER_SHOTS=folder keeps a picture of each page, to be looked at. */
async function keep(page, name) {
  const folder = process.env.BAYADER_SHOTS;
  if (!folder) return;
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: `${folder}/${name}.png`, fullPage: true });
}

// A token that is none of the shop's is shown the same pages as one that is: tests/it/unsubscribe.rs holds that, and what a right one does.
for (const language of ["en", "ar"]) {
  for (const [scheme, scripts, width] of [["light", false, 360], ["light", true, 360], ["dark", true, 320]]) {
    test(`out with one button in ${language}, ${scheme}, ${scripts ? "with" : "without"} scripts, ${width} px`, async () => {
      const say = (en, ar) => (language === "en" ? en : ar);
      const seen = await open("/u/some-token", { language, scheme, scripts, width });
      const { page } = seen;
      const root = page.locator("html");
      assert.equal(await root.getAttribute("lang"), language);
      assert.equal(await root.getAttribute("dir"), language === "ar" ? "rtl" : "ltr");
      await expectGood(seen, "the question");
      const button = page.getByRole("button", { name: say("Unsubscribe", "إلغاء الاشتراك") });
      const box = await button.boundingBox();
      assert.ok(box.height >= 44, `the button is ${box.height} px high`);
      if (!scripts) await keep(page, `unsubscribe-${language}`);
      await button.click();
      await page.getByRole("heading", { name: say("Done", "تم"), exact: true }).waitFor();
      assert.equal(await page.getByRole("button").count(), 0);
      await expectGood(seen, "the answer");
      if (!scripts) await keep(page, `unsubscribed-${language}`);
      await seen.close();
    });
  }
}
