// Debugs fixtures/programs/demo with Microsoft's DAP test client over a DAP server that listens on 127.0.0.1:
//
//   node session.mjs PORT PROGRAM [debug|exec]
//
// PROGRAM is the folder of the sources (debug, the default), or a binary beside its main.go (exec). Breakpoint, stack,
// scopes, variables, continue, terminated, disconnect, end of file. Prints one line of JSON with what it saw; exits
// with 1 and the error in that line when anything is missing.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { DebugClient } from '@vscode/debugadapter-testsupport';

// A cold build of the program included.
const PATIENCE_MS = 90_000;

const [port, program, mode = 'debug'] = process.argv.slice(2);
if (!Number(port) || !program || !['debug', 'exec'].includes(mode)) {
  console.error('usage: node session.mjs PORT PROGRAM [debug|exec]');
  process.exit(2);
}
const folder = mode === 'debug' ? resolve(program) : dirname(resolve(program));
const source = join(folder, 'main.go');
const seen = { ok: false, step: 'connect', mode, terminated: 0, events: [] };

function finish(error) {
  if (error) seen.error = `${seen.step}: ${error.message ?? error}`;
  seen.ok = !error;
  process.stdout.write(`${JSON.stringify(seen)}\n`, () => process.exit(error ? 1 : 0));
}

function lineOf(marker) {
  const line = readFileSync(source, 'utf8').split('\n').findIndex((text) => text.includes(marker)) + 1;
  assert.notEqual(line, 0, `${source} has no line with ${marker}`);
  return line;
}

async function session(client, closed) {
  const line = lineOf('// breakpoint: order');
  const terminated = client.waitForEvent('terminated');
  client.on('output', (event) => {
    seen.output = ((seen.output ?? '') + event.body.output).slice(-1000);
  });
  for (const event of ['initialized', 'stopped', 'continued', 'output', 'exited', 'terminated']) {
    client.on(event, () => {
      seen.events.push(event);
      if (event === 'terminated') seen.terminated += 1;
    });
  }

  // The client's own scenario: initialize, launch, initialized, setBreakpoints, configurationDone, stopped, stackTrace.
  seen.step = 'breakpoint';
  const stopped = client.waitForEvent('stopped');
  const launch = { request: 'launch', mode, program: resolve(program), cwd: folder, stopOnEntry: false };
  // Go builds a module from within it, wherever dlv was started.
  if (mode === 'debug') launch.dlvCwd = folder;
  await client.hitBreakpoint(launch, { path: source, line });
  const { threadId } = (await stopped).body;

  seen.step = 'stackTrace';
  const { stackFrames } = (await client.stackTraceRequest({ threadId, startFrame: 0, levels: 20 })).body;
  seen.stack = stackFrames.map((frame) => frame.name);
  seen.line = stackFrames[0].line;
  assert.equal(seen.stack[0], 'main.main');
  assert.equal(seen.line, line);

  seen.step = 'scopes';
  const { scopes } = (await client.scopesRequest({ frameId: stackFrames[0].id })).body;
  seen.scopes = scopes.map((scope) => scope.name);

  seen.step = 'variables';
  const open = async (variable) =>
    (await client.variablesRequest({ variablesReference: variable.variablesReference })).body.variables;
  const named = (variables, name) => {
    const found = variables.find((variable) => variable.name === name);
    assert.ok(found, `no variable ${name} in ${variables.map((variable) => variable.name)}`);
    return found;
  };
  const locals = await open(scopes[0]);
  seen.locals = locals.map((variable) => variable.name);
  const customer = await open(named(await open(named(locals, 'order')), 'Customer'));
  seen.customer = named(customer, 'Name').value;
  seen.city = named(await open(named(customer, 'Address')), 'City').value;
  assert.equal(seen.customer, '"Zoë Müller"');
  assert.equal(seen.city, '"Berlin"');

  seen.step = 'evaluate';
  const evaluated = await client.evaluateRequest({ expression: 'len(order.Lines)', frameId: stackFrames[0].id });
  seen.evaluated = evaluated.body.result;
  assert.equal(seen.evaluated, '2');

  seen.step = 'continue';
  await client.continueRequest({ threadId });
  await terminated;

  seen.step = 'disconnect';
  await client.disconnectRequest({ terminateDebuggee: true });
  seen.step = 'end of file after the disconnect';
  await closed;
  seen.step = 'done';
}

setTimeout(() => finish(new Error(`nothing more came in ${PATIENCE_MS / 1000} s`)), PATIENCE_MS);
const client = new DebugClient('', '', 'go');
try {
  // The client reports neither a refused connection nor a lost one, so its socket is listened to.
  const starting = client.start(Number(port));
  const lost = new Promise((_, reject) => client._socket.once('error', reject));
  const closed = new Promise((settle) => client._socket.once('close', settle));
  const cut = closed.then(async () => {
    // What came just before the end is handled first.
    await new Promise((settle) => setTimeout(settle, 100));
    if (seen.step !== 'done') throw new Error('the server closed the connection');
  });
  await Promise.race([starting, lost]);
  await Promise.race([session(client, closed), lost, cut]);
  finish();
} catch (error) {
  finish(error);
}
