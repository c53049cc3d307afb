// The vendors' packages as clients: prints {"model", "finished", "text"} for each answer. The text of a streamed answer is the one that the package's own helper put together. If the deltas make another one, it is printed too. Function calls are printed after it, as NAME(ARGUMENTS). With "events" the text is that of the deltas, put together without the helper.
//
// node dialects_client.mjs ORIGIN responses|messages|gemini streamed|events|whole MODEL...

import Anthropic from '@anthropic-ai/sdk';
import { GoogleGenAI } from '@google/genai';
import OpenAI from 'openai';

const QUESTION = 'x';

const responses = (origin) => {
  const client = new OpenAI({ baseURL: `${origin}/v1`, apiKey: 'none', maxRetries: 0, timeout: 20_000 });
  const read = (response) => ({ finished: response.status === 'completed', text: response.output_text });
  return {
    whole: async (model) => read(await client.responses.create({ model, input: QUESTION })),
    streamed: async (model) => {
      let deltas = '';
      const stream = client.responses.stream({ model, input: QUESTION });
      stream.on('response.output_text.delta', (event) => (deltas += event.delta));
      return { ...read(await stream.finalResponse()), deltas };
    },
    events: async (model) => {
      let text = '';
      let finished = false;
      for await (const event of await client.responses.create({ model, input: QUESTION, stream: true })) {
        if (event.type === 'response.output_text.delta') text += event.delta;
        finished ||= event.type === 'response.completed';
      }
      return { finished, text };
    },
  };
};

const messages = (origin) => {
  const client = new Anthropic({ baseURL: origin, apiKey: 'none', maxRetries: 0, timeout: 20_000 });
  const request = { max_tokens: 60, messages: [{ role: 'user', content: QUESTION }] };
  const read = (message) => ({
    finished: message.stop_reason != null,
    text: message.content.map((block) => (block.type === 'text' ? block.text : '')).join(''),
  });
  return {
    whole: async (model) => read(await client.messages.create({ model, ...request })),
    streamed: async (model) => {
      let deltas = '';
      const stream = client.messages.stream({ model, ...request });
      stream.on('text', (text) => (deltas += text));
      return { ...read(await stream.finalMessage()), deltas };
    },
    events: async (model) => {
      let text = '';
      let finished = false;
      for await (const event of await client.messages.create({ model, ...request, stream: true })) {
        if (event.type === 'content_block_delta' && event.delta.type === 'text_delta') text += event.delta.text;
        finished ||= event.type === 'message_stop';
      }
      return { finished, text };
    },
  };
};

// It has no helper that puts an answer together: the loop over the pieces does.
const gemini = (origin) => {
  const { models } = new GoogleGenAI({ apiKey: 'none', vertexai: false, httpOptions: { baseUrl: origin, timeout: 20_000 } });
  const read = async (pieces) => {
    let text = '';
    let finished = false;
    for await (const piece of pieces) {
      for (const candidate of piece.candidates ?? []) {
        finished ||= candidate.finishReason != null;
        for (const { text: piece, functionCall: call } of candidate.content?.parts ?? []) {
          text += piece ?? '';
          if (call) text += `${call.name}(${JSON.stringify(call.args)})`;
        }
      }
    }
    return { finished, text };
  };
  return {
    whole: async (model) => read([await models.generateContent({ model, contents: QUESTION })]),
    streamed: async (model) => read(await models.generateContentStream({ model, contents: QUESTION })),
  };
};

const [origin, api, way, ...models] = process.argv.slice(2);
const client = { responses, messages, gemini }[api](origin);
for (const model of models) {
  const { finished, text, deltas = text } = await client[way](model);
  console.log(JSON.stringify({ model, finished, text, ...(deltas === text ? {} : { deltas }) }));
}
