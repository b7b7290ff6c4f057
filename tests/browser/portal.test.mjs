// A person with a phone: every way in and out, in a real browser. Run by tests/tests/portal.rs, which brings the lab up.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { api, browser, curl, internet, mac, offline, portal, shot, token, visitor } from "./lib.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
let one, two;

before(async () => {
  one = await browser(1);
  two = await browser(2);
});
after(async () => {
  await one?.close();
  await two?.close();
});

const type = async (page, code) => {
  await page.fill("#code", code);
  await page.click("main form:has(#code) button");
};
const heading = (page) => page.locator("h1").innerText();
const seconds = async (page) => {
  const parts = (await page.locator(".clock").innerText()).split(":").map(Number);
  return parts.reduce((sum, part) => sum * 60 + part, 0);
};
/** Everything that axe finds against WCAG 2.2, levels A and AA. */
const violations = async (page) => {
  // Outside of the page's own world, since its policy lets no other script in.
  const found = await page.evaluate(`${axe}; axe.run(document, {
    runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] })`);
  return found.violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.target).join(", ")}`);
};
const fits = (page) => page.evaluate(() => document.documentElement.scrollWidth <= innerWidth);

test("the redirect opens the portal, a code opens the way, and it is counted down", async () => {
  offline(1);
  const page = await one.phone();
  await page.goto(`http://${internet}/news?x=1`);
  assert.ok(page.url().startsWith(`${portal}/login?dst=`), page.url());
  assert.equal(await heading(page), "Get online");
  await shot(page, "login");
  const { code } = token(85, { UserLimit: 3 });
  await type(page, code.toLowerCase().replace("-", " "));
  assert.equal(await heading(page), "You are online");
  const first = await seconds(page);
  assert.ok(first > 84 * 60 && first <= 85 * 60, `${first}`);
  await page.waitForFunction((first) => {
    const parts = document.querySelector(".clock").textContent.split(":").map(Number);
    return parts.reduce((sum, part) => sum * 60 + part, 0) <= first - 2;
  }, first);
  await shot(page, "online");
  assert.ok(!(await page.content()).toUpperCase().includes(code), "a page shows the code");
  await page.click("text=Continue to");
  assert.match(await page.locator("body").innerText(), /internet x=1/);
  assert.deepEqual(page.foreign.filter((url) => !url.startsWith(`http://${internet}/`)), []);
});

test("logging out ends it, one tap resumes it, and another browser cannot", async () => {
  offline(1);
  const { code } = token(60);
  const page = await one.phone();
  await page.goto(`${portal}/login?code=${code}`);
  assert.equal(await page.inputValue("#code"), code);
  await page.click("main button");
  await page.click("text=Log out");
  assert.equal(await heading(page), "You are logged out");
  assert.equal(JSON.parse(curl(1, `${portal}/captive-api`)).captive, true);
  await shot(page, "logged-out");
  const other = await one.phone();
  await other.goto(portal);
  assert.equal(await other.locator("text=Welcome back").count(), 0, "the MAC address alone resumes");
  await page.goto(portal);
  assert.match(await page.locator("main").innerText(), /Welcome back/);
  assert.ok(!(await page.content()).toUpperCase().includes(code));
  await shot(page, "resume");
  await page.click("text=Go online again");
  assert.equal(await heading(page), "You are online");
  const cookies = await page.context().cookies();
  assert.ok(cookies.find((cookie) => cookie.name === "resume").httpOnly);
  assert.equal(await page.evaluate(() => document.cookie), "");
});

test("a cookie that was copied is worth nothing once it was used", async () => {
  offline(1);
  const { code } = token(60, { UserLimit: 2 });
  const page = await one.phone();
  await page.goto(portal);
  await type(page, code);
  const stolen = await page.context().cookies();
  await page.click("text=Log out");
  await page.click("text=Go online again");
  const thief = await two.phone();
  await thief.context().addCookies(stolen);
  await thief.goto(portal);
  assert.equal(await thief.locator("text=Welcome back").count(), 0);
  assert.equal(await thief.evaluate(() => fetch("/resume", { method: "POST" }).then((answer) => answer.status)), 403);
});

test("a seat is taken over once its device is silent, not before", async () => {
  offline(1);
  offline(2);
  const { code } = token(60);
  const first = await one.phone();
  await first.goto(portal);
  await type(first, code);
  const second = await two.phone();
  await second.goto(portal);
  await type(second, code);
  assert.equal(await heading(second), "This code is already in use");
  await shot(second, "no-seat");
  await second.click("text=Use it on this device instead");
  assert.equal(await heading(second), "The other device is still busy");
  // A browser at rest still looks for its maker's hosts.
  await one.close();
  // Each refusal counts as an attempt, so ask seldom.
  for (let turn = 0; turn < 3 && (await heading(second)) !== "You are online"; turn += 1) {
    await second.waitForTimeout(35_000);
    await second.goto(portal);
    await type(second, code);
    await second.click("text=Use it on this device instead");
  }
  assert.equal(await heading(second), "You are online");
  assert.equal(JSON.parse(curl(1, `${portal}/captive-api`)).captive, true);
  offline(2);
  one = await browser(1);
});

test("who watches the end is told, and goes on with another code", async () => {
  offline(1);
  const { id, code } = token(60);
  const page = await one.phone();
  await page.goto(portal);
  await type(page, code);
  assert.equal(await heading(page), "You are online");
  // The operator takes the rest away; the page, left alone, finds out.
  api("PUT", "/api/spaces/accesstokens", { Id: id, MinutesIncluded: 0 });
  await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
  await page.waitForSelector("text=Your time is up");
  await shot(page, "ended");
  await type(page, token(5).code);
  assert.equal(await heading(page), "You are online");
});

test("without JavaScript all of it works", async () => {
  offline(1);
  const { code } = token(90);
  const page = await one.phone({ javaScriptEnabled: false });
  await page.goto(`http://${internet}/`);
  await type(page, "WRONG");
  assert.equal(await heading(page), "We do not recognise this code");
  await shot(page, "unknown-code");
  await type(page, code);
  assert.match(await page.locator("main").innerText(), /You have 1 hour 30 minutes left/);
  await shot(page, "online-without-javascript");
  await page.click("text=Log out");
  await page.click("text=Go online again");
  assert.equal(await heading(page), "You are online");
});

test("a visitor's five digits open together with the e-mail address only", async () => {
  // Refusals count as attempts of the device: the other one has its own to make.
  offline(2);
  const code = visitor(60, "ann@example.org");
  const nobodys = code === "00000" ? "00001" : "00000";
  const page = await two.phone();
  await page.goto(portal);
  assert.equal(await page.locator("#email").count(), 0, "others are not asked");
  const told = [];
  for (const digits of [code, nobodys]) {
    await page.goto(portal);
    await type(page, digits);
    assert.equal(await heading(page), "Your e-mail address is missing");
    assert.equal(await page.inputValue("#code"), digits);
    told.push((await page.locator("main").innerText()));
  }
  assert.equal(told[0], told[1], "it is told which codes there are");
  await shot(page, "visitor");
  // What is no address is not even sent.
  await page.fill("#email", "ann");
  await page.click("main form:has(#code) button");
  assert.equal(await page.evaluate(() => document.querySelector("#email").validity.typeMismatch), true);
  for (const [digits, email] of [[code, "bob@example.org"], [nobodys, "ann@example.org"]]) {
    await page.fill("#code", digits);
    await page.fill("#email", email);
    await page.click("main form:has(#code) button");
    assert.equal(await heading(page), "We do not recognise this code");
    assert.equal(await page.inputValue("#email"), email);
  }
  await shot(page, "visitor-unknown");
  await page.goto(`${portal}/login?code=${code}`);
  await page.fill("#email", "Ann@Example.org");
  await page.click("main form:has(#code) button");
  assert.equal(await heading(page), "You are online");
  assert.ok(!(await page.content()).includes("example.org"), "a page shows the address");
  await page.click("text=Log out");
  await page.click("text=Go online again");
  assert.equal(await heading(page), "You are online", "the browser's secret stands for both");
  offline(2);
  const blind = await two.phone({ javaScriptEnabled: false, locale: "ar", colorScheme: "dark", viewport: { width: 320, height: 568 } });
  await blind.goto(portal);
  await type(blind, code);
  await shot(blind, "visitor-arabic-dark");
  await blind.fill("#email", "ann@example.org");
  await blind.click("main form:has(#code) button");
  assert.match(await heading(blind), /متصل/);
});

test("in Arabic, from right to left, in the dark", async () => {
  offline(1);
  const page = await one.phone({ locale: "ar-EG", colorScheme: "dark" });
  await page.goto(portal);
  assert.equal(await page.getAttribute("html", "dir"), "rtl");
  await shot(page, "login-arabic");
  await type(page, token(85, { UserLimit: 2 }).code);
  assert.match(await heading(page), /متصل/);
  await shot(page, "online-arabic");
  await page.click("text=Deutsch");
  assert.equal(await heading(page), "Sie sind online");
  await page.goto(`${portal}/status`);
  assert.equal(await heading(page), "Sie sind online", "the choice is kept");
});

test("every page passes axe and fits 320 pixels, light and dark", async () => {
  const { code } = token(60, { UserLimit: 2, ValidTo: "2037-01-01T00:00:00Z" });
  for (const options of [{}, { colorScheme: "dark", locale: "de-DE" }, { locale: "ar" }]) {
    offline(1);
    const page = await one.phone({ ...options, viewport: { width: 320, height: 568 } });
    const check = async (name) => {
      assert.deepEqual(await violations(page), [], name);
      assert.ok(await fits(page), `${name} is wider than 320 pixels`);
      await shot(page, `narrow-${name}-${options.locale ?? "en"}`);
    };
    await page.goto(`${portal}/login?dst=http%3A%2F%2Fa-rather-long-name-for-a-host.example.org%2F`);
    await check("login");
    await type(page, "NO-SUCH-CODE-AT-ALL");
    await check("unknown");
    await type(page, "01234");
    await check("visitor");
    await page.goto(portal);
    await type(page, code);
    await check("status");
    await page.goto(`${portal}/login?another=1`);
    await check("another");
    await page.goto(`${portal}/logout`);
    await check("logout");
    await page.click("main button");
    await check("logged-out");
    await page.goto(portal);
    await check("resume");
    await page.goto(`${portal}/nothing`);
    await check("not-found");
    await page.close();
  }
});

test("the keyboard alone is enough", async () => {
  offline(1);
  const page = await one.phone({ isMobile: false, hasTouch: false });
  await page.goto(portal);
  const { code } = token(5);
  await page.keyboard.press("Tab");
  await page.keyboard.type(code);
  await page.keyboard.press("Enter");
  await page.waitForSelector("text=You are online");
});

test("another site can neither log out nor frame it", async () => {
  offline(2);
  const page = await two.phone();
  await page.goto(portal);
  await type(page, token(30).code);
  assert.equal(await heading(page), "You are online");
  const evil = await two.phone();
  await evil.route("http://evil.test/**", (route) => route.fulfill({
    contentType: "text/html",
    body: `<form method="post" action="${portal}/logout"><button>x</button></form><iframe src="${portal}/status"></iframe>`,
  }));
  await evil.goto("http://evil.test/");
  const framed = evil.frames().find((frame) => frame !== evil.mainFrame());
  assert.ok(!(await framed.content()).includes("You are online"));
  await evil.click("button");
  assert.equal(await heading(evil), "This did not come from our page");
  await page.reload();
  assert.equal(await heading(page), "You are online");
  offline(2);
});

test("probes are redirected while captive and reach the internet once online", async () => {
  offline(1);
  const probe = () => curl(1, "-o", "/dev/null", "-w", "%{http_code} %{redirect_url}", "-H", "Host: connectivitycheck.gstatic.com",
    `http://${internet}/generate_204`);
  assert.equal(probe(), `302 ${portal}/login`);
  api("POST", "/v1/redemptions", { AccessCode: token(5).code, MacAddress: mac(1) });
  assert.match(probe(), /^200 /);
  offline(1);
});
