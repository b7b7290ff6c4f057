// What the tests share: the lab, its operator, and a phone in a client's namespace.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

const env = (name) => {
  const value = process.env[`LAB_${name}`];
  if (!value) throw new Error(`LAB_${name} is not set: run these tests by \`cargo test -p accounting-tests --test portal\``);
  return value;
};

export const portal = env("PORTAL");
export const internet = env("INTERNET_IP4");
export const shots = process.env.SHOTS ?? "shots";
mkdirSync(shots, { recursive: true });

const inside = (namespace, program, ...args) =>
  execFileSync("nsenter", [`--net=/run/netns/${namespace}`, "--", program, ...args], { encoding: "utf8" });

/** The record API, as its administrator. */
export const api = (method, path, body) => {
  const args = ["-s", "-m", "20", "-u", `${env("ADMIN_USER")}:${env("ADMIN_PASSWORD")}`, "-X", method, env("API") + path];
  if (body) args.push("-H", "Content-Type: application/json", "-d", JSON.stringify(body));
  const text = inside(env("GATEWAY_NS"), "curl", ...args);
  return text ? JSON.parse(text) : null;
};

let made = 0;
/** A token with a code of its own. */
export const token = (minutes, more = {}) => {
  made += 1;
  const code = `TEST${made}-${Math.random().toString(36).slice(2, 8).toUpperCase()}`;
  const answer = api("POST", "/api/spaces/accesstokens", { BusinessId: 1, MinutesIncluded: minutes, AccessCode: code, ...more });
  if (!answer.WasSuccessful) throw new Error(JSON.stringify(answer));
  return { id: answer.Value.Id, code };
};

/** A token of a visitor: five digits that open together with the address only. */
export const visitor = (minutes, email) => {
  const made = api("POST", "/v1/tokens", { Class: "Visitor", BusinessId: 1, MinutesIncluded: minutes, Email: email });
  if (!/^\d{5}$/.test(made.AccessCode)) throw new Error(JSON.stringify(made));
  return made.AccessCode;
};

/** What curl in a client's namespace gets. */
export const curl = (client, ...args) => inside(namespace(client), "curl", "-s", "-m", "20", ...args);

export const mac = (client) => env(client === 1 ? "CLIENT_MAC" : `CLIENT${client}_MAC`);
const namespace = (client) => env(client === 1 ? "CLIENT_NS" : `CLIENT${client}_NS`);

/** Ends whatever session a client has. */
export const offline = (client) => {
  const answer = inside(env("GATEWAY_NS"), "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-u",
    `${env("ADMIN_USER")}:${env("ADMIN_PASSWORD")}`, "-X", "DELETE", `${env("API")}/v1/sessions/${mac(client)}`);
  if (!["204", "404"].includes(answer)) throw new Error(`not released: ${answer}`);
};

const PHONE = {
  viewport: { width: 390, height: 844 },
  deviceScaleFactor: 2,
  isMobile: true,
  hasTouch: true,
  userAgent: "Mozilla/5.0 (Linux; Android 16; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Mobile Safari/537.36",
};

/** A browser in a client's namespace; `phone(options)` gives a page in a fresh profile. */
export const browser = async (client = 1) => {
  // Its profile and its crash reports stay out of the user's home.
  const home = mkdtempSync(join(tmpdir(), "portal-browser-"));
  // The browser inherits the namespace of a wrapper.
  const wrapper = join(home, "browser");
  execFileSync("sh", ["-c", `printf '#!/bin/sh\\nexec nsenter --net=/run/netns/${namespace(client)} -- ${process.env.CHROMIUM ?? "/usr/bin/chromium"} "$@"\\n' >${wrapper} && chmod 700 ${wrapper}`]);
  const launched = await chromium.launch({
    executablePath: wrapper,
    env: { ...process.env, HOME: home },
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"],
  });
  return {
    phone: async (options = {}) => {
      const context = await launched.newContext({ ...PHONE, locale: "en-GB", ...options });
      const foreign = [];
      context.on("request", (request) => {
        const url = new URL(request.url());
        if (url.origin !== portal) foreign.push(url.href);
      });
      const page = await context.newPage();
      return Object.assign(page, { foreign });
    },
    close: async () => {
      await launched.close();
      rmSync(home, { recursive: true, force: true });
    },
  };
};

/** Keeps a picture of a page. */
export const shot = (page, name) => page.screenshot({ path: join(shots, `${name}.png`), fullPage: true });
