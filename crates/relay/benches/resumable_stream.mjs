// Sends a stream through npm's `resumable-stream`, and prints the delay of each event at each
// reader, in milliseconds. The producer and the readers have clients of their own.
//
//     node resumable_stream.mjs FOLDER URL EVENTS PACE_MS PADDING READERS
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [folder, url, ...numbers] = process.argv.slice(2);
const [events, pace, padding, readers] = numbers.map(Number);
process.env.REDIS_URL = url;
const { resolve } = createRequire(join(folder, "package.json"));
const { createResumableStreamContext } = await import(pathToFileURL(resolve("resumable-stream")));

const context = () => createResumableStreamContext({ waitUntil: () => {} });
const id = String(process.pid);
let go;
const attached = new Promise((resolve) => (go = resolve));
const source = () =>
  new ReadableStream({
    async start(controller) {
      await attached;
      for (let count = 0; count < events; count++) {
        await new Promise((resolve) => setTimeout(resolve, pace));
        const data = JSON.stringify({ at: performance.now(), padding: "x".repeat(padding) });
        controller.enqueue(`data: ${data}\n\n`);
      }
      controller.close();
    },
  });

const own = await context().createNewResumableStream(id, source);
const drain = (async () => { for await (const _ of own); })();
const following = [];
for (let count = 0; count < readers; count++) {
  following.push(await context().resumeExistingStream(id));
}
const delays = [];
const reading = following.map(async (stream) => {
  let rest = "";
  for await (const text of stream) {
    const now = performance.now();
    const blocks = (rest + text).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) delays.push(now - JSON.parse(block.slice("data: ".length)).at);
  }
});
go();
await Promise.all([drain, ...reading]);
// Its clients keep the process up.
process.stdout.write(delays.join("\n"), () => process.exit(0));
