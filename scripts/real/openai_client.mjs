// The openai package as the client: prints {"model", "finished", "text"} for each stream it is told to ask for.
//
// node openai_client.mjs BASE_URL chat|completion MODEL...

import OpenAI from 'openai';

const [baseURL, endpoint, ...models] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey: 'none', maxRetries: 0, timeout: 20_000 });

for (const model of models) {
  let text = '';
  let finished = false;
  const stream =
    endpoint === 'chat'
      ? await client.chat.completions.create({ model, messages: [{ role: 'user', content: 'x' }], stream: true })
      : await client.completions.create({ model, prompt: 'x', stream: true });
  for await (const chunk of stream) {
    for (const choice of chunk.choices) {
      if (choice.index !== 0) continue;
      text += (endpoint === 'chat' ? choice.delta.content : choice.text) ?? '';
      finished ||= choice.finish_reason != null;
    }
  }
  console.log(JSON.stringify({ model, finished, text }));
}
