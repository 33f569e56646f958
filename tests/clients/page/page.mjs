// Looks at a page that `dlvgate show --html` wrote, in headless Chromium, as its reader does:
//
//   node page.mjs PAGE.html [PICTURES]
//
// The page has to open without an error and without asking any network, and its list, search, filters, keys and themes have to
// work. Prints one line of JSON with what was measured; exits with 1 and the error in that line when something is wrong. With
// PICTURES, a folder, it leaves screenshots there.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

const [file, pictures] = process.argv.slice(2);
if (!file) {
  console.error('usage: node page.mjs PAGE.html [PICTURES]');
  process.exit(2);
}

const seen = { ok: false, step: 'start' };

function browserPath() {
  const names = [process.env.CHROMIUM, 'chromium', 'chromium-browser', 'google-chrome'].filter(Boolean);
  for (const name of names) {
    try {
      return execFileSync('/bin/sh', ['-c', 'command -v "$1"', 'sh', name], { encoding: 'utf8' }).trim();
    } catch {
      // The next one.
    }
  }
  throw new Error('no Chromium: apt-get install chromium, or name one in CHROMIUM');
}

async function picture(page, name) {
  if (pictures) await page.screenshot({ path: join(pictures, `${name}.png`) });
}

// Rows that are drawn, in their order.
const rows = (page) => page.$$eval('.row', (all) => all
  .sort((one, other) => one.dataset.place - other.dataset.place)
  .map((row) => ({ place: Number(row.dataset.place), text: row.innerText, chosen: row.classList.contains('chosen') })));

// Playwright's own waiting evaluates texts, which the page's policy forbids.
async function until(page, is, argument) {
  for (let tries = 0; tries < 200; tries++) {
    if (await page.evaluate(is, argument)) return;
    await page.waitForTimeout(25);
  }
  throw new Error(`it does not become true: ${is}`);
}

const chosen = async (page) => (await rows(page)).find((row) => row.chosen);

async function open(page) {
  seen.step = 'open';
  const begun = Date.now();
  await page.goto(pathToFileURL(resolve(file)).href);
  await page.waitForSelector('.row');
  // Until the first picture with rows in it is on the screen.
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  seen.open_ms = Date.now() - begun;
  seen.script_ms = Math.round(await page.evaluate(() => performance.getEntriesByName('ready')[0].startTime));
  seen.messages = await page.evaluate(() => data.count);
  assert.equal((await rows(page))[0].place, 0);
}

async function scroll(page) {
  seen.step = 'scroll';
  const frames = await page.evaluate(() => new Promise((done) => {
    const scroller = document.getElementById('scroller'), frames = [];
    const end = scroller.scrollHeight - scroller.clientHeight, steps = 240;
    let step = 0, last = performance.now();
    requestAnimationFrame(function next(now) {
      frames.push(now - last);
      last = now;
      scroller.scrollTop = (end * step) / steps;
      if (step++ < steps) requestAnimationFrame(next); else done(frames.slice(1));
    });
  }));
  frames.sort((one, other) => one - other);
  const share = (part) => Math.round(frames[Math.floor((frames.length - 1) * part)] * 10) / 10;
  seen.frame_ms = { p50: share(0.5), p95: share(0.95), longest: share(1) };
  const count = await page.evaluate(() => rows.lines.length);
  await until(page, (last) => rows.drawn.has(last), count - 1);
  const drawn = await rows(page);
  assert.ok(drawn.length < 120, `${drawn.length} rows are drawn at once`);
}

async function keys(page) {
  seen.step = 'keys';
  await page.keyboard.press('g');
  assert.equal((await chosen(page)).place, 0);
  await page.keyboard.press('j');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('k');
  assert.equal((await chosen(page)).place, 1);
  await page.keyboard.press('G');
  const count = await page.evaluate(() => rows.lines.length);
  assert.equal((await chosen(page)).place, count - 1);
  await page.keyboard.press('g');
  seen.step = 'unfold';
  const request = await page.evaluate(() => data.kind.indexOf(REQUEST));
  await page.evaluate((line) => chooseLine(line), request);
  await page.keyboard.press('Enter');
  const body = await page.textContent('.row.chosen .body');
  assert.deepEqual(JSON.parse(body), await page.evaluate((line) => parsed(lineOf(data, line)).message, request));
  await picture(page, 'unfolded');
  seen.step = 'pair';
  await page.keyboard.press('p');
  const answer = await page.evaluate(() => rows.lineOf(rows.chosen));
  assert.equal(await page.evaluate((line) => data.pair[line], answer), request);
  await page.keyboard.press('Enter');
  assert.equal(await page.$('#rows img, #rows script'), null, 'no message became an element');
  await page.keyboard.press('Enter');
  await page.keyboard.press('p');
  await page.keyboard.press('Enter');
  assert.equal(await page.$('.body'), null, 'it is folded again');
}

async function search(page) {
  seen.step = 'search';
  const name = await page.evaluate(() => nameOf(data, data.kind.indexOf(REQUEST)));
  await page.keyboard.press('/');
  await page.keyboard.type(name);
  await until(page, () => /\d+ hit/.test(document.getElementById('hits').textContent));
  await page.keyboard.press('Enter');
  const found = () =>
    page.evaluate((wanted) => `${nameOf(data, rows.lineOf(rows.chosen))} ${lineOf(data, rows.lineOf(rows.chosen))}`.includes(wanted), name);
  assert.ok(await found());
  await page.keyboard.press('n');
  assert.ok(await page.$('.row.hit.chosen'));
  assert.ok(await found());
  await page.keyboard.press('/');
  await page.fill('#search', 'nothing has this in it');
  await until(page, () => document.getElementById('hits').textContent === '0 hits');
  await page.fill('#search', '');
  await page.keyboard.press('Escape');
}

async function filters(page) {
  seen.step = 'filters';
  const all = await page.evaluate(() => rows.lines.length);
  await page.click('text=events');
  const events = await page.evaluate(() => data.kind.reduce((sum, kind) => sum + (kind === EVENT), 0));
  assert.equal(await page.evaluate(() => rows.lines.length), all - events);
  await page.click('text=events');
  await page.click('text=only errors');
  assert.ok(await page.evaluate(() => [...rows.lines].every((line) => isError(line))));
  await page.click('text=only errors');
  assert.equal(await page.evaluate(() => rows.lines.length), all);
}

async function looks(page) {
  seen.step = 'timeline';
  const painted = () => page.evaluate(() => {
    const canvas = document.getElementById('timeline');
    const bytes = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
    return new Set(new Uint32Array(bytes.buffer)).size;
  });
  assert.ok((await painted()) > 3, 'bars and ticks are painted');
  const span = () => page.evaluate(() => timeline.to - timeline.from);
  const whole = await span();
  await page.keyboard.press('+');
  assert.ok((await span()) < whole);
  await page.hover('#timeline');
  await page.mouse.wheel(0, -300);
  await until(page, (before) => timeline.to - timeline.from < before, whole * 0.6);
  await page.keyboard.press('0');
  assert.equal(await span(), whole);
  seen.step = 'themes';
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await ground();
  await picture(page, 'light');
  await page.keyboard.press('t');
  assert.notEqual(await ground(), light);
  await picture(page, 'dark');
  await page.keyboard.press('?');
  assert.ok(await page.$('dialog[open]'));
  await page.keyboard.press('Escape');
}

let browser;
try {
  browser = await chromium.launch({ executablePath: browserPath(), args: ['--no-sandbox'] });
  const page = await browser.newPage({ viewport: { width: 1280, height: 860 }, colorScheme: 'light' });
  const troubles = [];
  page.on('console', (message) => { if (message.type() === 'error') troubles.push(message.text()); });
  page.on('pageerror', (error) => troubles.push(error.message));
  page.on('dialog', (dialog) => { troubles.push(`a message opened a dialog: ${dialog.message()}`); dialog.dismiss(); });
  page.on('request', (request) => { if (!request.url().startsWith('file:')) troubles.push(`it asks ${request.url()}`); });
  await open(page);
  await scroll(page);
  await keys(page);
  await search(page);
  await filters(page);
  await looks(page);
  seen.step = 'troubles';
  assert.deepEqual(troubles, []);
  seen.step = 'done';
  seen.ok = true;
} catch (error) {
  seen.error = `${seen.step}: ${error.message ?? error}`;
}
await browser?.close();
console.log(JSON.stringify(seen));
process.exit(seen.ok ? 0 : 1);
