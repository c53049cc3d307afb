// The vendors' helpers for streams, in Node: prints what each says of a stream, a line of JSON. A line is {"text", "state"} for an answer that was returned, or {"raised", "kept"} for an error. The state is the member that says how the answer ended, and what is kept is the text that the helper still has for its caller.
//
// node faults_client.mjs ORIGIN API/NUMBER...

import Anthropic from '@anthropic-ai/sdk';
import { GoogleGenAI } from '@google/genai';
import { Ollama } from 'ollama';
import OpenAI from 'openai';

const QUIET = { apiKey: 'none', maxRetries: 0, timeout: 5_000 };

const responses = async (origin) => {
  const stream = new OpenAI({ baseURL: `${origin}/v1`, ...QUIET }).responses.stream({ model: 'm', input: 'x' });
  // The helper has no answer before its end, but its events have their text so far.
  let kept;
  stream.on('response.output_text.delta', (event) => (kept = event.snapshot));
  try {
    const { output_text: text, status: state } = await stream.finalResponse();
    return { text, state };
  } catch (error) {
    return raised(error, kept);
  }
};

const messages = async (origin) => {
  const textOf = (message) => message?.content.map((block) => (block.type === 'text' ? block.text : '')).join('');
  const client = new Anthropic({ baseURL: origin, ...QUIET });
  const stream = client.messages.stream({ model: 'm', max_tokens: 9, messages: [{ role: 'user', content: 'x' }] });
  try {
    const message = await stream.finalMessage();
    return { text: textOf(message), state: `stop_reason ${message.stop_reason}` };
  } catch (error) {
    return raised(error, textOf(stream.currentMessage ?? stream.receivedMessages.at(-1)));
  }
};

const gemini = async (origin) => {
  const { models } = new GoogleGenAI({ apiKey: 'none', vertexai: false, httpOptions: { baseUrl: origin, timeout: 5_000 } });
  let text = '';
  let reason = null;
  try {
    for await (const { candidates = [] } of await models.generateContentStream({ model: 'm', contents: 'x' })) {
      for (const candidate of candidates) {
        reason = candidate.finishReason ?? reason;
        for (const part of candidate.content?.parts ?? []) text += part.text ?? '';
      }
    }
    return { text, state: `finishReason ${reason}` };
  } catch (error) {
    return raised(error, text);
  }
};

const interactions = async (origin) => {
  const client = new GoogleGenAI({ apiKey: 'none', vertexai: false, httpOptions: { baseUrl: origin, timeout: 5_000 } });
  let text = '';
  let status = null;
  try {
    for await (const event of await client.interactions.create({ model: 'm', input: 'x', stream: true })) {
      if (event.event_type === 'step.delta' && event.delta?.type === 'text') text += event.delta.text;
      if (event.event_type === 'interaction.completed') status = event.interaction.status;
    }
    return { text, state: `status ${status}` };
  } catch (error) {
    return raised(error, text);
  }
};

const ollama = async (origin) => {
  let text = '';
  let reason = null;
  try {
    const request = { model: 'm', messages: [{ role: 'user', content: 'x' }], stream: true };
    for await (const piece of await new Ollama({ host: origin }).chat(request)) {
      text += piece.message?.content ?? '';
      reason = piece.done_reason ?? reason;
    }
    return { text, state: `done_reason ${reason}` };
  } catch (error) {
    return raised(error, text);
  }
};

const raised = (error, kept) => ({ raised: error.constructor.name, message: String(error.message), kept });

// One that never comes to an end is told, and not waited for.
const inTime = (answer) => {
  const late = new Promise((resolve) => setTimeout(resolve, 6_000, { raised: 'nothing, and never ends' }).unref());
  return Promise.race([answer, late]);
};

const [origin, ...streams] = process.argv.slice(2);
for (const stream of streams) {
  const read = { responses, messages, gemini, interactions, ollama }[stream.split('/')[0]];
  console.log(JSON.stringify({ stream, ...(await inTime(read(`${origin}/${stream}`))) }));
}
process.exit(0);
