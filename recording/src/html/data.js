'use strict';
// The recording's lines, looked at once and as little as possible: a hundred thousand messages are some 50 MB.

const STEP = 0, REQUEST = 1, ANSWER = 2, EVENT = 3, STRAY = 4;
const KINDS = ['steps', 'requests', 'answers', 'events', 'no messages'];
const CLIENT = 1, DLV = 2, OWN = 3;

// How much of a line is looked at for what it is; its arguments or body come later.
const HEAD = 600;

function readRecording(text) {
  const first = text.indexOf('\n');
  const header = JSON.parse(text.slice(0, first));
  const isRpc = header.protocol === 'json-rpc';
  const starts = [];
  for (let at = first + 1; at > 0 && at < text.length;) {
    const end = text.indexOf('\n', at);
    if (end < 0) break; // a line that is cut off
    starts.push(at, end);
    at = end + 1;
  }
  const count = starts.length / 2;
  const data = {
    text, header, isRpc, count,
    wasCut: count > 0 && starts[2 * count - 1] + 1 < text.length,
    start: new Uint32Array(count), end: new Uint32Array(count),
    t: new Float64Array(count), kind: new Uint8Array(count), from: new Uint8Array(count), failed: new Uint8Array(count),
    name: new Uint32Array(count), pair: new Int32Array(count).fill(-1), names: [],
  };
  const ids = new Map(), pending = new Map();
  for (let line = 0; line < count; line++) {
    data.start[line] = starts[2 * line];
    data.end[line] = starts[2 * line + 1];
    const seen = lookAt(data, line, isRpc);
    data.t[line] = seen.t;
    data.from[line] = seen.from;
    data.kind[line] = seen.kind;
    data.failed[line] = seen.failed ? 1 : 0;
    const side = seen.from === CLIENT ? 'c' : 'd';
    let name = seen.name;
    if (seen.kind === REQUEST && seen.id !== undefined) {
      pending.set(side + seen.id, line);
    } else if (seen.kind === ANSWER) {
      const key = (side === 'c' ? 'd' : 'c') + seen.id;
      const asked = pending.get(key);
      if (asked !== undefined) {
        pending.delete(key);
        data.pair[line] = asked;
        data.pair[asked] = line;
        name = data.names[data.name[asked]];
      }
    }
    if (!ids.has(name)) {
      ids.set(name, data.names.length);
      data.names.push(name);
    }
    data.name[line] = ids.get(name);
  }
  return data;
}

const lineOf = (data, line) => data.text.slice(data.start[line], data.end[line]);
const nameOf = (data, line) => data.names[data.name[line]];
const latencyOf = (data, line) =>
  data.kind[line] === ANSWER && data.pair[line] >= 0 ? data.t[line] - data.t[data.pair[line]] : undefined;

function lookAt(data, line, isRpc) {
  const { text } = data, from = data.start[line], end = data.end[line];
  const head = text.slice(from, Math.min(end, from + HEAD));
  const seen = { t: Number(/^\{"t":(\d+)/.exec(head)?.[1] ?? 0), from: 0, kind: STEP, name: '?', failed: false, id: undefined };
  const sender = /^\{"t":\d+,"from":"(client|dlvgate|dlv)",("message":)?/.exec(head);
  if (!sender) {
    const step = parsed(text.slice(from, end));
    seen.name = step.event ?? '?';
    return step.from ? other(seen, step, isRpc) : seen;
  }
  seen.from = sender[1] === 'client' ? CLIENT : sender[1] === 'dlv' ? DLV : OWN;
  if (!sender[2]) return other(seen, parsed(text.slice(from, end)), isRpc);
  const found = isRpc
    ? rpcEnvelope(seen, head.slice(sender[0].length), text.slice(Math.max(from, end - 60), end))
    : dapEnvelope(seen, head.slice(sender[0].length));
  return found ? seen : envelope(seen, parsed(text.slice(from, end)).message, isRpc);
}

function parsed(line) {
  try { return JSON.parse(line); } catch { return {}; }
}

// Only what stands before the first nested value: there every quote is the message's own.
function dapEnvelope(seen, head) {
  const nested = head.search(/"(arguments|body|message)":/);
  const flat = nested < 0 ? head : head.slice(0, nested);
  const value = (pattern) => pattern.exec(flat)?.[1];
  const type = value(/"type":"(\w+)"/);
  if (type === 'request') {
    seen.kind = REQUEST;
    seen.name = value(/"command":"([^"\\]*)"/);
    seen.id = value(/"seq":(-?\d+)/);
    return seen.name !== undefined && seen.id !== undefined;
  }
  if (type === 'response') {
    seen.kind = ANSWER;
    seen.name = value(/"command":"([^"\\]*)"/) ?? '';
    seen.id = value(/"request_seq":(-?\d+)/);
    const success = value(/"success":(true|false)/);
    seen.failed = success === 'false';
    return seen.id !== undefined && success !== undefined;
  }
  seen.kind = EVENT;
  seen.name = value(/"event":"([^"\\]*)"/);
  return type === 'event' && seen.name !== undefined;
}

function rpcEnvelope(seen, head, tail) {
  const asked = /^\{"method":"([^"\\]*)"/.exec(head);
  if (asked) {
    seen.kind = REQUEST;
    seen.name = asked[1];
    seen.id = /"id":(\d+|"[^"\\]*")\}\}$/.exec(tail)?.[1];
    return seen.id !== undefined;
  }
  const answered = /^\{"id":(\d+|"[^"\\]*"),/.exec(head);
  const isFine = tail.endsWith(',"error":null}}');
  if (!answered || !isFine) return false;
  seen.kind = ANSWER;
  seen.name = '';
  seen.id = answered[1];
  return true;
}

// The slow way, for messages with fields in another order.
function envelope(seen, message, isRpc) {
  seen.kind = STRAY;
  seen.name = 'no message';
  seen.failed = true;
  if (!message || typeof message !== 'object') return seen;
  const asks = isRpc ? message.method !== undefined : message.type === 'request';
  const answers = isRpc ? message.result !== undefined || message.error !== undefined : message.type === 'response';
  if (asks) {
    Object.assign(seen, { kind: REQUEST, failed: false, name: String(isRpc ? message.method : message.command) });
    seen.id = isRpc ? JSON.stringify(message.id) : String(message.seq ?? 0);
  } else if (answers) {
    const failed = isRpc ? message.error != null : !message.success;
    Object.assign(seen, { kind: ANSWER, failed, name: isRpc ? '' : String(message.command ?? '') });
    seen.id = isRpc ? JSON.stringify(message.id) : String(message.request_seq);
  } else if (!isRpc && message.type === 'event') {
    Object.assign(seen, { kind: EVENT, failed: false, name: String(message.event) });
  }
  return seen;
}

function other(seen, line, isRpc) {
  seen.from = line.from === 'client' ? CLIENT : line.from === 'dlv' ? DLV : OWN;
  if (line.part !== undefined) {
    return Object.assign(seen, { kind: STRAY, name: line.more ? 'part of a long message' : 'last part of a long message' });
  }
  if (line.unframed) return Object.assign(seen, { kind: STRAY, name: 'bytes that are not a message', failed: true });
  if (line.message) return envelope(seen, line.message, isRpc);
  return envelope(seen, line.text === undefined ? undefined : parsed(line.text), isRpc);
}
