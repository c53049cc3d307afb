// fetch and eventsource-parser as the client: prints {"model", "finished", "text"} for each stream it is told to ask for.
//
// node events_client.mjs BASE_URL chat|completion MODEL...

import { EventSourceParserStream } from 'eventsource-parser/stream';

const [baseURL, endpoint, ...models] = process.argv.slice(2);

for (const model of models) {
  let text = '';
  let finished = false;
  const response = await fetch(`${baseURL}/${endpoint === 'chat' ? 'chat/completions' : 'completions'}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model, stream: true }),
    signal: AbortSignal.timeout(20_000),
  });
  const events = response.body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
  for await (const { data } of events) {
    if (data === '[DONE]') break;
    for (const choice of JSON.parse(data).choices) {
      if (choice.index !== 0) continue;
      text += (endpoint === 'chat' ? choice.delta.content : choice.text) ?? '';
      finished ||= choice.finish_reason != null;
    }
  }
  console.log(JSON.stringify({ model, finished, text }));
}
