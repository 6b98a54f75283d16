// Stands in for smee.io while a conformance suite runs: loaded before the suite (node --import), in its process.
//
// A suite that tests push asks https://smee.io/new for a channel, listens to it as an event stream, and lets the
// server under test post to it. Here that first request is answered from a listener on the loopback interface:
// what is posted to a channel comes out of its event stream as {"body": ...}. It speaks https if PUSH_CERTIFICATE
// names a PEM file with key and certificate, else http. Posts and streams do not leave this machine.

import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";

const NEW = "https://smee.io/new";
const MAX_BYTES = 1_000_000;
const streams = new Map();

function listen(channel, response) {
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  response.write("event: ready\ndata: {}\n\n");
  streams.get(channel).add(response);
  response.on("close", () => streams.get(channel).delete(response));
}

function take(channel, request, response) {
  const pieces = [];
  let size = 0;
  request.on("data", (piece) => {
    size += piece.length;
    if (size > MAX_BYTES) request.destroy();
    pieces.push(piece);
  });
  request.on("end", () => {
    const event = JSON.stringify({ body: bodyOf(Buffer.concat(pieces).toString()), headers: request.headers });
    for (const stream of streams.get(channel)) stream.write(`data: ${event}\n\n`);
    response.writeHead(201).end();
  });
}

function bodyOf(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function answer(request, response) {
  const channel = request.url;
  if (!streams.has(channel)) response.writeHead(404).end();
  else if (request.method === "GET") listen(channel, response);
  else if (request.method === "POST") take(channel, request, response);
  else response.writeHead(405).end();
}

const pem = process.env.PUSH_CERTIFICATE && readFileSync(process.env.PUSH_CERTIFICATE);
const server = pem ? https.createServer({ key: pem, cert: pem }, answer) : http.createServer(answer);
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
server.unref();
const origin = `${pem ? "https" : "http"}://127.0.0.1:${server.address().port}`;

const elsewhere = globalThis.fetch;
globalThis.fetch = async (resource, options) => {
  if (String(resource?.url ?? resource) !== NEW) return elsewhere(resource, options);
  const channel = `/${randomUUID()}`;
  streams.set(channel, new Set());
  return new Response(null, { status: 307, headers: { location: origin + channel } });
};
