"""The vendors' packages as clients: prints {"model", "finished", "text"} for each answer.

The text of a streamed answer is the one that the package's own helper put together. If the deltas
make another one, it is printed too. Function calls are printed after it, as NAME(ARGUMENTS).

With "events" the text is that of the deltas, put together without the helper.

dialects_client.py ORIGIN responses|messages|gemini streamed|events|whole MODEL...
"""

import json
import sys

import anthropic
import openai
from google import genai

QUESTION = "x"


class Responses:
    def __init__(self, origin):
        self.client = openai.OpenAI(base_url=f"{origin}/v1", api_key="none", max_retries=0, timeout=20)

    def whole(self, model):
        return self.read(self.client.responses.create(model=model, input=QUESTION))

    def streamed(self, model):
        deltas = ""
        with self.client.responses.stream(model=model, input=QUESTION) as stream:
            for event in stream:
                if event.type == "response.output_text.delta":
                    deltas += event.delta
            return *self.read(stream.get_final_response()), deltas

    def events(self, model):
        text, finished = "", False
        for event in self.client.responses.create(model=model, input=QUESTION, stream=True):
            text += event.delta if event.type == "response.output_text.delta" else ""
            finished = finished or event.type == "response.completed"
        return finished, text

    @staticmethod
    def read(response):
        return response.status == "completed", response.output_text


class Messages:
    def __init__(self, origin):
        self.client = anthropic.Anthropic(base_url=origin, api_key="none", max_retries=0, timeout=20)
        self.request = {"max_tokens": 60, "messages": [{"role": "user", "content": QUESTION}]}

    def whole(self, model):
        return self.read(self.client.messages.create(model=model, **self.request))

    def streamed(self, model):
        with self.client.messages.stream(model=model, **self.request) as stream:
            deltas = "".join(stream.text_stream)
            return *self.read(stream.get_final_message()), deltas

    def events(self, model):
        text, finished = "", False
        for event in self.client.messages.create(model=model, stream=True, **self.request):
            if event.type == "content_block_delta" and event.delta.type == "text_delta":
                text += event.delta.text
            finished = finished or event.type == "message_stop"
        return finished, text

    @staticmethod
    def read(message):
        text = "".join(block.text for block in message.content if block.type == "text")
        return message.stop_reason is not None, text


class Gemini:
    """Has no helper that puts an answer together: the loop over the pieces does."""

    def __init__(self, origin):
        options = {"base_url": origin, "timeout": 20_000}
        # It closes its connections when it is dropped.
        self.client = genai.Client(api_key="none", vertexai=False, http_options=options)

    def whole(self, model):
        return self.read([self.client.models.generate_content(model=model, contents=QUESTION)])

    def streamed(self, model):
        stream = self.client.models.generate_content_stream(model=model, contents=QUESTION)
        finished, text = self.read(stream)
        return finished, text, text

    @staticmethod
    def read(pieces):
        text, finished = "", False
        for piece in pieces:
            for candidate in piece.candidates or []:
                finished = finished or candidate.finish_reason is not None
                for part in (candidate.content and candidate.content.parts) or []:
                    text += part.text or ""
                    if call := part.function_call:
                        text += f"{call.name}({compact(call.args)})"
        return finished, text


def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def main():
    origin, api, way, *models = sys.argv[1:]
    client = {"responses": Responses, "messages": Messages, "gemini": Gemini}[api](origin)
    for model in models:
        finished, text, *deltas = getattr(client, way)(model)
        answer = {"model": model, "finished": finished, "text": text}
        print(compact(answer | ({"deltas": deltas[0]} if deltas and deltas[0] != text else {})))


main()
