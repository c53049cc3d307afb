// The page of `deltawire inspect` in Chromium, beside a server of our own. scripts/inspect-page
// calls it, and says in the environment where everything is.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import http from "node:http";
import { createInterface } from "node:readline";

const { chromium } = await import(process.env.PLAYWRIGHT);
const { CHROMIUM, DELTAWIRE, WORK, SCREENSHOTS } = process.env;

// ---- The server whose streams are shown ----

const HOSTILE = `<script>window.pwned = 1</script><img src=x onerror="window.pwned = 2"><a href="javascript:window.pwned = 3">x</a>`;
const EVENTS = 50000;
const pieces = (text) => text.match(/\s*\S+/g);
const WORDS = pieces(`The forecast for Paris decides this, so I ask for the next three days before I answer.

Until then: early autumn there is mild, about 18 degrees by day and 11 at night, and one day in three brings rain. A light jacket and an umbrella are the safe choice.

The exact days follow.`);
const THOUGHTS = pieces("The user wants to know what to pack for Paris. I have a tool for the weather, so I should call it and not guess.");
const data = (value) => `data: ${typeof value === "string" ? value : JSON.stringify(value)}\n\n`;
const chunk = (delta, more) => data({ id: "c1", object: "chat.completion.chunk", created: 1, model: "m", choices: [{ index: 0, delta, finish_reason: null }], ...more });
const finish = (reason, usage) => data({ id: "c1", object: "chat.completion.chunk", created: 1, model: "m", choices: [{ index: 0, delta: {}, finish_reason: reason }], usage }) + data("[DONE]");
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

// The stream waits in its middle until the test has looked at it, and a slow server before its head.
let goOn, answerNow;
const gate = new Promise((done) => { goOn = done; }), head = new Promise((done) => { answerNow = done; });

const streams = {
  async "some-model"(out) {
    await sleep(250);
    out.write(chunk({ role: "assistant", content: "" }));
    await sleep(40);
    for (const word of THOUGHTS) { out.write(chunk({ reasoning_content: word })); await sleep(14); }
    for (const [i, word] of WORDS.entries()) {
      if (i === 18) { await gate; await sleep(900); }
      out.write(chunk({ content: word }));
      await sleep(12 + i % 7 * 5);
    }
    out.write(chunk({ tool_calls: [{ index: 0, id: "call_7", type: "function", function: { name: "get_weather", arguments: "" } }] }));
    for (const piece of ['{"ci', 'ty":"Pa', 'ris","days"', ":3}"]) {
      await sleep(30);
      out.write(chunk({ tool_calls: [{ index: 0, function: { arguments: piece } }] }));
    }
    await sleep(30);
    out.write(finish("tool_calls", { prompt_tokens: 21, completion_tokens: 104, total_tokens: 125 }));
  },
  async "other-model"(out) {
    for (const word of WORDS.slice(0, 20)) { out.write(chunk({ content: word })); await sleep(20); }
    out.socket.destroy();
  },
  async hostile(out) {
    out.write(chunk({ content: HOSTILE, reasoning_content: HOSTILE }));
    out.write(chunk({ tool_calls: [{ index: 0, id: HOSTILE, type: "function", function: { name: HOSTILE, arguments: JSON.stringify({ a: HOSTILE }) } }] }));
    out.write(`${HOSTILE}\n`);
    await sleep(20);
    out.write(`event: ${HOSTILE}\nid: ${HOSTILE}\ndata: ${HOSTILE}\n\n`);
    out.write(data({ error: { message: HOSTILE, type: HOSTILE } }));
  },
  async many(out) {
    for (let i = 0; i < EVENTS; i++) {
      out.write(chunk({ content: `${i % 100 ? "word" : "needle"} ` }));
      if (i % 500 === 0) await sleep(10);
    }
    out.write(finish("stop", { prompt_tokens: 1, completion_tokens: EVENTS, total_tokens: EVENTS + 1 }));
  },
};
const WHOLE = {
  id: "c2", object: "chat.completion", created: 1, model: "whole",
  choices: [{ index: 0, finish_reason: "tool_calls", message: { role: "assistant", content: "I look it up.", tool_calls: [
    { id: "call_8", type: "function", function: { name: "get_weather", arguments: '{"city":"Rome"}' } },
  ] } }],
  usage: { prompt_tokens: 5, completion_tokens: 19, total_tokens: 24 },
};
// The answers that do not begin as a stream does.
const notStreams = {
  async slow(answer) {
    await head;
    answer.writeHead(200, { "content-type": "text/event-stream" });
    answer.end(chunk({ content: "Late." }) + finish("stop"));
  },
  silent: (answer) => answer.socket.destroy(),
  whole: (answer) => { answer.writeHead(200, { "content-type": "application/json" }); answer.end(JSON.stringify(WHOLE, null, 2)); },
};
const upstream = http.createServer((request, answer) => {
  let body = "";
  request.on("data", (part) => { body += part; });
  request.on("end", async () => {
    const { model } = JSON.parse(body);
    if (notStreams[model]) return notStreams[model](answer);
    const headers = { "content-type": "text/event-stream" };
    if (model.includes("script")) headers["x-note"] = HOSTILE;
    answer.writeHead(200, headers);
    answer.socket.setNoDelay(true);
    await (model.includes("script") ? streams.hostile : streams[model])(answer);
    answer.end();
  });
});
const listening = (server) => new Promise((done) => server.listen(0, "127.0.0.1", () => done(server.address().port)));

// ---- The program, and the browser ----

const port = await listening(upstream);
const program = spawn(DELTAWIRE, ["inspect", "--upstream", `http://127.0.0.1:${port}`, "--listen", "127.0.0.1:0", "--page", "127.0.0.1:0", "--out", `${WORK}/recordings`], { stdio: ["ignore", "pipe", "ignore"] });
const lines = createInterface({ input: program.stdout })[Symbol.asyncIterator]();
const url = (await lines.next()).value, proxy = (await lines.next()).value;
const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--host-resolver-rules=MAP rebound.example 127.0.0.1"] });
const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, colorScheme: "light", acceptDownloads: true });
const page = await context.newPage();
page.setDefaultTimeout(15000);

const complaints = [], others = [];
page.on("console", (message) => { if (["error", "warning"].includes(message.type())) complaints.push(message.text()); });
page.on("pageerror", (error) => complaints.push(error.message));
page.on("request", (request) => { if (!request.url().startsWith(`${url}/`) && !request.url().startsWith("blob:")) others.push(request.url()); });

const ask = (model) => fetch(`${proxy}/v1/chat/completions`, { method: "POST", headers: { authorization: "Bearer secret-key" }, body: JSON.stringify({ model, messages: [{ role: "user", content: model }], stream: true }) }).then((answer) => answer.text());
const api = async (path) => (await fetch(`${url}/api/exchanges/${path}`)).json();
const text = (selector) => page.locator(selector).innerText();
const until = (what, arg) => page.waitForFunction(what, arg);
const content = () => page.evaluate(() => [...document.querySelectorAll("#texts .part")].filter((part) => part.firstChild.textContent === "content").map((part) => part.lastChild.textContent).join(""));
const tab = (name) => page.click(`#to-${name}`);
const passed = (what) => console.log(`  ${what}`);

let canvas;
try {
  // ---- Before anything happens ----
  await page.goto(`${url}/`);
  await until((proxy) => document.getElementById("how-to").textContent.includes(proxy), proxy);
  assert.equal(await page.isVisible("#shown"), false);
  passed("opens, and says how to begin");

  // ---- A stream while it runs ----
  const asked = ask("some-model");
  const half = WORDS.slice(0, 18).join("");
  await until((half) => document.querySelector("#texts")?.textContent.includes(half), half);
  assert.equal(await content(), half);
  assert.equal(await page.locator("#exchanges li").count(), 1);
  assert.match(await text("#exchanges li"), /some-model[^]*live/);
  assert.match(await text("#badges"), /live/);
  assert.equal(await text("#now"), "live");
  await until(() => /silent for \d\.\d s/.test(document.getElementById("quiet").textContent));
  // The moment can be moved while it runs.
  await page.keyboard.press("Home");
  await until(() => document.getElementById("texts").textContent === "No text yet.");
  await page.keyboard.press("End");
  await until((half) => document.getElementById("texts").textContent.includes(half), half);
  goOn();
  await asked;
  await until(() => document.getElementById("badges").textContent.includes("done"));
  assert.equal(await text("#quiet"), "");
  assert.equal(await content(), WORDS.join(""));
  passed("shows a stream while it runs");

  // ---- All panels ----
  const call = await text("#texts .call");
  assert.match(call, /get_weather\s+call_7\s+whole/);
  assert.match(call, /"city": "Paris",\s+"days": 3/);
  const figures = await text("#figures");
  const { tokens } = (await api("1")).state;
  assert.ok(tokens.count > 70 && tokens.count < 104, `${tokens.count} tokens`);
  assert.match(figures, new RegExp(`Input tokens\\s+21\\s+Output tokens\\s+104 ${tokens.count} counted`));
  assert.equal(await text("#tokens"), `tokens (o200k_base): ${tokens.count}, 104 by the server`);
  assert.match(figures, /[1-9] stalls?/);
  const toTop = async (list) => {
    await page.evaluate((list) => { document.getElementById(`${list}-list`).scrollTop = 0; }, list);
    await until((list) => {
      const rows = [...document.querySelectorAll(`#${list}-list .row:not([hidden])`)];
      return rows[0]?.firstChild.textContent === "1" && rows.every((row) => row.lastChild.textContent !== "…");
    }, list);
  };
  const row = async (list) => (await page.locator(`#${list}-list .row:not([hidden])`).first().innerText()).replaceAll("\n", " ");
  await toTop("events");
  assert.match(await row("events"), /^1 \d+\.\d{3}\s+0 message role assistant \{"id":"c1"/);
  await page.locator("#events-list .row").nth(3).click();
  await until(() => document.getElementById("event").textContent.startsWith("Event 4"));
  assert.match(await text("#event"), /Event 4[^]*"reasoning_content": " wants"[^]*1 change[^]*"kind": "reasoning"/);
  await tab("reads");
  await toTop("reads");
  assert.match(await row("reads"), /^1 \d+\.\d{3}\s+\d+ \d+ B 0 data: /);
  await tab("changes");
  await until(() => {
    const list = document.getElementById("changes-list");
    list.scrollTop = list.scrollHeight;
    return /tool_call_done.*get_weather\(\{"city"/.test(list.textContent);
  });
  await tab("timing");
  for (const name of ["ttft", "tpot", "itl", "inter_token_latency", "gen_ai.client.inference.duration", "time_to_first_token", "Stalls"]) {
    assert.ok((await text("#timing")).includes(name), name);
  }
  await tab("usage");
  assert.match(await text("#usage"), new RegExp(`output\\s+104[^]*counted\\s+${tokens.count}[^]*complete\\s+yes`));
  await tab("anomalies");
  assert.match(await text("#anomalies"), /Nothing was repaired/);
  await tab("answer");
  await until(() => /"object": "chat.completion"/.test(document.getElementById("answer").textContent));
  await tab("request");
  const request = await text("#request");
  assert.match(request, /POST \/v1\/chat\/completions[^]*"stream": true[^]*status 200/);
  assert.ok(!request.includes("secret-key"), "the key is shown");
  const painted = await page.evaluate(() => {
    const canvas = document.getElementById("arrival"), pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    return new Set(new Uint32Array(pixels.buffer)).size;
  });
  assert.ok(painted > 20, `the picture has ${painted} colours`);
  passed("all panels");

  // ---- The bar ----
  const reads = (await api("1")).reads;
  await page.keyboard.press("Home");
  await until(() => document.getElementById("texts").textContent.startsWith("No text"));
  for (let step = 1; step <= 6; step++) {
    await page.keyboard.press("ArrowRight");
    const state = await api(`1/state?reads=${step}`);
    const expected = state.texts.find((text) => text.kind === "reasoning")?.text ?? "";
    await until(([step, expected]) => document.getElementById("moment").textContent.includes(` ${step}/`)
      && (document.querySelector("#texts .thought > div")?.textContent ?? "") === expected, [step, expected]);
  }
  assert.equal(await page.isVisible("#texts .call"), false);
  const then = (await api("1/state?reads=6")).tokens.count;
  assert.ok(then > 0 && then < tokens.count, `${then} tokens after 6 reads`);
  assert.equal(await text("#tokens"), `tokens (o200k_base): ${then} of ${tokens.count}, 104 by the server`);
  assert.match(await text("#figures"), new RegExp(`Output tokens\\s+${then} counted`));
  await page.keyboard.press("Shift+ArrowLeft");
  await until(() => document.getElementById("moment").textContent.includes(" 0/"));
  await tab("events");
  await page.locator("#bar").focus();
  const box = await page.locator("#bar").boundingBox();
  await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
  await until(() => document.querySelectorAll("#events-list .row.later").length > 0);
  await until(() => document.querySelector("#texts .part:not(.thought) > div")?.textContent);
  const middle = await content();
  assert.ok(middle.length > 0 && WORDS.join("").startsWith(middle), middle);
  canvas = await page.locator("#arrival").boundingBox();
  await page.mouse.click(canvas.x + canvas.width * .97 - 54, canvas.y + 60);
  await until((middle) => document.querySelector("#texts .part:not(.thought) > div").textContent.length > middle.length, middle);
  await page.keyboard.press("Home");
  await page.selectOption("#speed", "4");
  await page.locator("#exchanges").focus();
  await page.keyboard.press("Space");
  await until(() => document.getElementById("now").getAttribute("aria-pressed") === "true");
  assert.equal(await content(), WORDS.join(""));
  assert.match(await text("#moment"), new RegExp(` ${reads}/${reads}$`));
  passed("the bar, the picture and play go to any moment");

  // ---- Zoom ----
  await page.mouse.move(canvas.x + canvas.width / 2, canvas.y + 60);
  await page.mouse.wheel(0, -600);
  await until(() => document.getElementById("window").textContent.includes("–"));
  assert.match(await text("#tip"), /\d+ tokens? · read \d+ · event \d+/);
  await page.keyboard.press("0");
  await until(() => document.getElementById("window").textContent === "");
  passed("zoom");

  // ---- Download ----
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("#download")]);
  assert.equal(download.suggestedFilename(), "0001-chat.jsonl");
  const saved = readFileSync(await download.path(), "utf8");
  assert.equal(saved, readFileSync(`${WORK}/recordings/0001-chat.jsonl`, "utf8"));
  passed("the download is the recording that was written");
  // A page with an event open stays where it is.
  await page.keyboard.press("Escape");
  if (SCREENSHOTS) {
    await pictures();
    console.log("inspect-page: took the pictures, and stops there");
    process.exit();
  }

  // ---- Text of others ----
  await ask(HOSTILE);
  await until(() => document.querySelectorAll("#exchanges li").length === 2 && document.getElementById("badges").textContent.includes("error"));
  for (const name of ["events", "reads", "changes", "timing", "usage", "anomalies", "answer", "request"]) {
    await tab(name);
    await page.waitForTimeout(120);
    if (name === "events") {
      for (let i = 0; i < 5; i++) { await page.locator("#events-list .row:not([hidden])").nth(i).click(); await page.waitForTimeout(60); }
    }
    assert.ok((await page.evaluate(() => document.getElementById("shown").textContent)).includes("<script>"), name);
  }
  assert.equal(await content(), HOSTILE);
  const markup = await page.evaluate(() => [typeof window.pwned, document.scripts.length, document.querySelectorAll("main img, main a, nav img, nav a").length]);
  assert.deepEqual(markup, ["undefined", 1, 0]);
  passed("text of others is text, in every panel");

  // ---- 50,000 events ----
  await page.evaluate(() => {
    window.frames50k = [];
    let before = performance.now();
    requestAnimationFrame(function frame(now) { window.frames50k.push(now - before); before = now; requestAnimationFrame(frame); });
  });
  const figuresOf = async (what) => {
    const frames = (await page.evaluate(() => window.frames50k.splice(0))).sort((a, b) => a - b);
    const at = (share) => frames[Math.floor(share * (frames.length - 1))].toFixed(0);
    console.log(`    ${what}: ${frames.length} frames, p50 ${at(.5)} ms, p95 ${at(.95)} ms, longest ${at(1)} ms`);
    return { p50: Number(at(.5)), p95: Number(at(.95)), longest: Number(at(1)) };
  };
  await tab("events");
  await page.keyboard.press("Escape");
  await figuresOf("before");
  await ask("many");
  await until((count) => document.getElementById("line").textContent.includes(count) && document.getElementById("badges").textContent.includes("done"), (EVENTS + 2).toLocaleString("en-US"));
  const live = await figuresOf("while they arrive");
  assert.equal((await content()).length, EVENTS / 100 * (99 * 5 + 7));
  const rows = await page.evaluate(async (steps) => {
    const list = document.getElementById("events-list");
    let most = 0;
    for (let i = 0; i <= steps; i++) {
      list.scrollTop = i / steps * list.scrollHeight;
      await new Promise(requestAnimationFrame);
      most = Math.max(most, list.querySelectorAll(".row").length);
    }
    return most;
  }, 120);
  assert.ok(rows < 80, `${rows} rows are in the page`);
  const scrolled = await figuresOf("while the list scrolls through them");
  await until((last) => [...document.querySelectorAll("#events-list .row:not([hidden])")].some((row) => row.textContent.startsWith(last)), (EVENTS + 2).toLocaleString("en-US"));
  await page.keyboard.press("Home");
  for (let i = 0; i < 12; i++) { await page.mouse.click(canvas.x + 60 + i * 100, canvas.y + 60); await page.waitForTimeout(100); }
  const scrubbed = await figuresOf("while the bar moves through them");
  // A frame takes 17 ms. The bounds leave room for a busy machine without a graphics card.
  for (const [name, { p50, longest }] of Object.entries({ live, scrolled, scrubbed })) {
    assert.ok(p50 <= 50, `${name}: half of the frames take more than ${p50} ms`);
    assert.ok(longest <= 1500, `${name}: a frame took ${longest} ms`);
  }
  await page.keyboard.press("End");
  await page.keyboard.press("/");
  await page.keyboard.type("needle");
  await until(() => document.getElementById("found").textContent === "500 events");
  await page.keyboard.press("Enter");
  await until(() => /^1 of 500/.test(document.getElementById("found").textContent) && document.getElementById("event").textContent.startsWith("Event 1"));
  await page.keyboard.press("Enter");
  await until(() => document.getElementById("event").textContent.startsWith("Event 101"));
  passed("50,000 events");

  // ---- Keys ----
  await page.keyboard.press("Escape");
  await page.keyboard.press("Escape");
  assert.equal(await page.isVisible("#event"), false);
  const chosen = () => page.locator('#exchanges li[aria-selected="true"]').getAttribute("data-id");
  for (const [key, expected] of [["j", "2"], ["j", "1"], ["j", "1"], ["k", "2"], ["ArrowDown", "1"]]) {
    await page.keyboard.press(key);
    assert.equal(await chosen(), expected, key);
  }
  await until(() => document.getElementById("title").textContent === "some-model");
  await page.locator("#events-list").focus();
  await page.keyboard.press("ArrowDown");
  await until(() => document.getElementById("event").textContent.startsWith("Event 1"));
  await page.keyboard.press("ArrowDown");
  await until(() => document.getElementById("event").textContent.startsWith("Event 2"));
  await page.keyboard.press("4");
  assert.equal(await page.isVisible("#timing"), true);
  await page.keyboard.press("?");
  assert.equal(await page.isVisible("#keys"), true);
  await page.keyboard.press("Escape");
  assert.equal(await page.isVisible("#keys"), false);
  passed("keys");

  // ---- Light and dark ----
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await ground();
  await page.emulateMedia({ colorScheme: "dark" });
  const dark = await ground();
  assert.notEqual(light, dark);
  await page.click("#theme");
  assert.equal(await ground(), light);
  await page.click("#theme");
  assert.equal(await ground(), dark);
  passed("light and dark");

  // ---- Exchanges without a stream ----
  await page.keyboard.press("Escape"); // An open event would keep the page where it is.
  await page.locator("#follow").check();
  const shows = (title) => until((title) => document.getElementById("title").textContent === title, title);
  const slow = ask("slow");
  await shows("slow");
  const waits = async () => {
    await until(() => /waiting \d+\.\d s/.test(document.querySelector("#exchanges li").textContent));
    return Number(/waiting (\d+\.\d) s/.exec(await text("#exchanges li >> nth=0"))[1]);
  };
  const before = await waits();
  await page.waitForTimeout(400);
  assert.ok(await waits() >= before + .3, "the wait grows");
  assert.match(await text("#badges"), /waiting \d/);
  assert.match(await text("#quiet"), /waiting for \d/);
  assert.equal(await text("#texts"), "The server has not answered yet.");
  assert.equal(await page.isDisabled("#download"), true);
  await tab("request");
  assert.match(await text("#request"), /"model": "slow"[^]*No answer yet/);
  answerNow();
  await slow;
  await until(() => document.getElementById("badges").textContent.includes("done"));
  assert.match(await text("#request"), /Answer: status 200[^]*The head came after/);
  assert.equal(await content(), "Late.");
  assert.equal(await page.isDisabled("#download"), false);
  await ask("silent").catch(() => {});
  await shows("silent");
  await until(() => document.getElementById("badges").textContent.includes("no answer"));
  assert.match(await text("#error"), /connection/);
  assert.equal(await text("#texts"), "There was no answer.");
  assert.match(await text("#request"), /No answer: (cut|reset): /);
  await ask("whole");
  await shows("whole");
  await until(() => document.getElementById("badges").textContent.includes("not streamed"));
  assert.equal(await content(), "I look it up.");
  assert.match(await text("#texts .call"), /get_weather\s+call_8\s+whole[^]*"city": "Rome"/);
  assert.match(await text("#figures"), /Input tokens\s+5\s+Output tokens\s+19 \d+ counted/);
  await tab("answer");
  await until(() => /"id": "c2"/.test(document.getElementById("answer").textContent));
  passed("an exchange is listed before its answer, without one, and not streamed");

  // ---- Another site ----
  assert.deepEqual([complaints, others], [[], []]);
  const other = http.createServer((request, answer) => { answer.setHeader("content-type", "text/html"); answer.end("<title>other</title>"); });
  const otherPage = await context.newPage();
  await otherPage.goto(`http://127.0.0.1:${await listening(other)}/`);
  const tried = await otherPage.evaluate((url) => Promise.all(["cors", "no-cors"].map((mode) => fetch(url, { mode }).then(() => "answered", () => "blocked"))), `${url}/api/exchanges`);
  assert.deepEqual(tried, ["blocked", "blocked"]);
  other.close();
  const rebound = await otherPage.goto(`http://rebound.example:${new URL(url).port}/api/exchanges`);
  assert.equal(rebound.status(), 403);
  assert.ok(!(await rebound.text()).includes("some-model"));
  passed("another site is refused, and so is a name that was rebound");
  console.log("inspect-page: the page does all of it");
} catch (error) {
  console.error(`inspect-page: ${error.stack}\ncomplaints of the page: ${JSON.stringify(complaints)}`);
  await page.screenshot({ path: `${WORK}/../inspect-page-failed.png` }).catch(() => {});
  process.exitCode = 1;
} finally {
  await browser.close();
  program.kill();
  // Whatever a failure left open does not keep it.
  process.exit();
}

// The pictures of docs: an event in the middle, and a moment in the middle, beside other exchanges.
async function pictures() {
  const shoot = (scheme) => page.mouse.move(5, 5).then(() => page.waitForTimeout(400)).then(() => page.screenshot({ path: `${SCREENSHOTS}/inspect-${scheme}.png` }));
  for (const model of ["some-model", "other-model", "some-model"]) await ask(model).catch(() => {});
  await until(() => document.querySelectorAll("#exchanges li").length === 4 && /done/.test(document.getElementById("badges").textContent));
  await page.evaluate(() => { document.getElementById("events-list").scrollTop = 480; });
  await page.locator("#events-list .row:not(.later)", { hasText: "forecast" }).click();
  await shoot("light");
  await page.keyboard.press("Escape");
  await page.emulateMedia({ colorScheme: "dark" });
  await page.mouse.click(canvas.x + canvas.width * .5, canvas.y + 60);
  await shoot("dark");
  await page.emulateMedia({ colorScheme: "light" });
}
