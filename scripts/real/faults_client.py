"""The vendors' helpers for streams, in Python: prints what each says of a stream, a line of JSON.

A line is {"text", "state"} for an answer that was returned, or {"raised", "kept"} for an error. The
state is the member that says how the answer ended, and what is kept is the text that the helper
still has for its caller.

faults_client.py ORIGIN API/NUMBER...
"""

import json
import sys

import anthropic
import ollama
import openai
from google import genai

QUIET = {"api_key": "none", "max_retries": 0, "timeout": 5}


def responses(origin):
    client = openai.OpenAI(base_url=f"{origin}/v1", **QUIET)
    kept = None
    try:
        with client.responses.stream(model="m", input="x") as stream:
            # The helper has no answer before its end, but its events have their text so far.
            for event in stream:
                if event.type == "response.output_text.delta":
                    kept = event.snapshot
            response = stream.get_final_response()
    except Exception as error:
        return raised(error, kept)
    return {"text": response.output_text, "state": response.status}


def messages(origin):
    client = anthropic.Anthropic(base_url=origin, **QUIET)
    stream = None
    request = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]}
    try:
        with client.messages.stream(**request) as stream:
            message = stream.get_final_message()
    except Exception as error:
        try:
            return raised(error, text_of(stream.current_message_snapshot))
        except Exception:
            return raised(error, None)
    return {"text": text_of(message), "state": f"stop_reason {message.stop_reason}"}


def text_of(message):
    return "".join(block.text for block in message.content if block.type == "text")


def gemini(origin):
    options = {"base_url": origin, "timeout": 5_000}
    client = genai.Client(api_key="none", vertexai=False, http_options=options)
    text, reason = "", None
    try:
        for piece in client.models.generate_content_stream(model="m", contents="x"):
            for candidate in piece.candidates or []:
                reason = candidate.finish_reason or reason
                for part in (candidate.content and candidate.content.parts) or []:
                    text += part.text or ""
    except Exception as error:
        return raised(error, text)
    return {"text": text, "state": f"finish_reason {reason and reason.value}"}


def interactions(origin):
    options = {"base_url": origin, "timeout": 5_000}
    client = genai.Client(api_key="none", vertexai=False, http_options=options)
    text, status = "", None
    try:
        for event in client.interactions.create(model="m", input="x", stream=True):
            if event.event_type == "step.delta" and getattr(event.delta, "type", None) == "text":
                text += event.delta.text
            elif event.event_type == "interaction.completed":
                status = event.interaction.status
    except Exception as error:
        return raised(error, text)
    return {"text": text, "state": f"status {status}"}


def chat(origin):
    client = ollama.Client(host=origin, timeout=5)
    text, reason = "", None
    try:
        for piece in client.chat(model="m", messages=[{"role": "user", "content": "x"}], stream=True):
            text += piece.message.content or ""
            reason = piece.done_reason or reason
    except Exception as error:
        return raised(error, text)
    return {"text": text, "state": f"done_reason {reason}"}


READERS = {
    "responses": responses, "messages": messages, "gemini": gemini,
    "interactions": interactions, "ollama": chat,
}  # fmt: skip


def raised(error, kept):
    return {"raised": type(error).__name__, "message": str(error), "kept": kept}


origin, *streams = sys.argv[1:]
for stream in streams:
    read = READERS[stream.split("/")[0]]
    print(json.dumps({"stream": stream} | read(f"{origin}/{stream}")), flush=True)
