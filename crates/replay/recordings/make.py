#!/usr/bin/env python3
"""Writes the recordings of this folder from the data they were taken from.

    python3 make.py SEED CAPTURES [OUT]

SEED      folder with what the notebook "How to stream completions" (OpenAI Cookbook) printed, as JSON files
CAPTURES  folder with captures of real servers: NAME.raw holds every byte received, NAME.jsonl the time of each read
OUT       where the recordings go; the folder of this script if not given

README.md beside this script says what each recording is, where its bytes come from and what was left out.
Only the standard library is used. Request headers are never copied: a key has no way into a recording.
"""

import base64
import json
import pathlib
import sys

EVENT_STREAM = "text/event-stream"
NOTEBOOK = 'OpenAI Cookbook, notebook "How to stream completions"'

# Recording, capture, capture of the non-streamed answer, what it shows.
CAPTURED = [
    ("smollm2-sky", "llama-smollm2/sky_stream", "llama-smollm2/sky_once",
     "real text, usage on request; the answer is the same request not streamed"),
    ("smollm2-completion", "llama-smollm2/completion_stream", "llama-smollm2/completion_once",
     "legacy completion, usage unasked on the last chunk; the answer is the same request not streamed"),
    ("smollm2-poem-n2", "llama-smollm2/poem_n2_stream", None,
     "two choices, interleaved, one usage chunk for each"),
    ("smollm2-logprobs", "llama-smollm2/logprobs_stream", None, "log probabilities with two alternatives a token"),
    ("smollm2-json", "llama-smollm2/json_stream", None, "an answer held to a JSON schema"),
    ("smollm2-multilingual", "llama-smollm2/multilingual_stream", None, "several scripts and emoji"),
    ("smollm2-no-call", "llama-smollm2/tool_stream", None,
     "asked with a tool, and answered in prose: no tool call comes"),
    ("smollm2-max-tokens", "llama-smollm2/cut_max_tokens", None, "ended by max_tokens, finish reason length"),
    ("tiny-tools", "llama-tiny/chat_tools_2", None, "parallel tool calls of a random model"),
    ("tiny-reasoning", "llama-tiny/chat_reasoning", None, "reasoning_content before the content"),
    ("tiny-killed", "llama-tiny/killed_KILL", None, "the server was killed: the transfer breaks between two chunks"),
    ("tiny-usage", "llama-tiny/chat_usage", None, "random text of many scripts, usage on request"),
    ("lcp-interrupted", "llama-cpp-python/interrupted", None,
     "another request interrupted this one: [DONE] without a finish reason, and no terminal chunk"),
    ("lcp-empty", "llama-cpp-python/err_no_messages", None,
     "a bad request answered with status 200, an event stream without any event and a clean end"),
    ("lcp-empty-cut", "llama-cpp-python/err_bad_grammar", None,
     "a bad request answered with status 200 and a head; then the transfer breaks before any event"),
    ("litellm-n2", "litellm/local_n2", None,
     "two choices through a proxy, the finish reason given for the first only"),
    ("litellm-dead-backend", "litellm/dead_backend", None, "the proxy's backend is dead: status 500 and a JSON body"),
    ("mock-llm-surrogates", "mock-llm/chat", None,
     "a surrogate pair cut between two deltas, no created, finish reason beside content"),
    ("aimock-tools", "aimock/tools", None, "a tool call of a mock server"),
    ("nginx-recut", "nginx/n18200", None,
     "a buffering proxy between: chunks end in the middle of events"),
    ("smollm2-responses", "llama-smollm2/responses_stream", "llama-smollm2/responses_once",
     "OpenAI's Responses by llama.cpp, without any index; the answer is the same request not streamed"),
    ("smollm2-messages", "llama-smollm2/messages_stream", "llama-smollm2/messages_once",
     "Anthropic's Messages by llama.cpp; the answer is the same request not streamed"),
    ("aimock-responses", "aimock/responses", None, "OpenAI's Responses by a mock server, with indices"),
    ("aimock-messages", "aimock/messages", None, "Anthropic's Messages by a mock server"),
    ("aimock-gemini", "aimock/gemini", None, "Gemini's generateContent by a mock server"),
    ("aimock-gemini-tools", "aimock/gemini_tools", None, "a function call of Gemini's by a mock server"),
]

SERVERS = {
    "llama-smollm2": "llama.cpp server with SmolLM2-135M-Instruct",
    "llama-tiny": "llama.cpp server with a tiny random model",
    "llama-cpp-python": "llama-cpp-python server",
    "litellm": "LiteLLM proxy before a llama.cpp server",
    "mock-llm": "mock-llm server",
    "aimock": "aimock server",
    "nginx": "nginx before a llama.cpp server",
}


def main(seed, captures, out):
    for recording in from_notebook(seed):
        write(out, recording)
    for name, capture, once, what in CAPTURED:
        write(out, from_capture(captures, name, capture, once, what))


# --- the notebook ---------------------------------------------------------------------------------------------------


def from_notebook(seed):
    once, later = load(seed / "chat_once.json"), load(seed / "chat_once_later.json")
    count, short = load(seed / "chat_count_stream.json"), load(seed / "chat_stream_short.json")
    legacy_once, legacy = load(seed / "completion_once.json"), load(seed / "completion_count_stream.json")

    yield {
        "name": "count-to-100",
        "endpoint": "chat",
        "what": "302 chunks with their times; the answer is the same request not streamed",
        "source": NOTEBOOK,
        "request": chat_request(count["prompt"]),
        "answer": (once["elapsed_s"], once["response"]),
        "reads": [(event["t"], data(count_chunk(count, event))) for event in count["events"]]
        + [(count["full_response_s"], b"data: [DONE]\n\n")],
        "end": (count["full_response_s"], "clean"),
    }
    yield {
        "name": "count-to-100-later",
        "endpoint": "chat",
        "what": "the request of count-to-100 on another day, not streamed; there is no stream of it",
        "source": NOTEBOOK,
        "request": chat_request(later["prompt"]),
        "answer": (later["elapsed_s"], later["response"]),
    }
    steps = [(i + 1) / 10 for i in range(len(short["chunks"]))]
    yield {
        "name": "one-plus-one",
        "endpoint": "chat",
        "what": "every chunk of a short stream; the notebook gives no times, so they are 0.1 s apart",
        "source": NOTEBOOK,
        "request": chat_request(short["prompt"]),
        "reads": [(t, data(chunk)) for t, chunk in zip(steps, short["chunks"])] + [(steps[-1], b"data: [DONE]\n\n")],
        "end": (steps[-1], "clean"),
    }
    last = len(legacy["events"]) - 1
    yield {
        "name": "count-legacy",
        "endpoint": "completion",
        "what": "legacy completion with its times; id and created are not in the notebook and so not here",
        "source": NOTEBOOK,
        "request": {
            "model": legacy["model"],
            "prompt": legacy["prompt"],
            "max_tokens": len(legacy["events"]),
            "temperature": 0,
        },
        "answer": (legacy_once["elapsed_s"], text_completion(legacy, legacy_once["text"], True)),
        "reads": [
            (event["t"], data(text_completion(legacy, event["text"], i == last)))
            for i, event in enumerate(legacy["events"])
        ]
        + [(legacy["full_response_s"], b"data: [DONE]\n\n")],
        "end": (legacy["full_response_s"], "clean"),
    }


def chat_request(prompt):
    return {"model": "gpt-3.5-turbo", "messages": [{"role": "user", "content": prompt}], "temperature": 0}


def count_chunk(count, event):
    """The members and their order are those of the notebook's short stream, which it prints in full."""
    envelope = count["envelope"]
    finish_reason = None if event["delta"] else "stop"
    return {
        "choices": [{"delta": event["delta"], "finish_reason": finish_reason, "index": 0}],
        "created": envelope["created"],
        "id": envelope["id"],
        "model": envelope["model"],
        "object": envelope["object"],
    }


def text_completion(legacy, text, last):
    """max_tokens was 193 and 193 events came, so the last one ended by length."""
    finish_reason = "length" if last else None
    return {
        "object": "text_completion",
        "model": legacy["model"],
        "choices": [{"text": text, "index": 0, "logprobs": None, "finish_reason": finish_reason}],
    }


def data(chunk):
    return b"data: " + compact(chunk).encode() + b"\n\n"


# --- captures -------------------------------------------------------------------------------------------------------


def from_capture(captures, name, capture, once, what):
    stream = Capture(captures / capture)
    recording = {
        "name": name,
        "endpoint": stream.endpoint(),
        "what": what,
        "source": SERVERS[capture.split("/")[0]] + ", recorded over a plain socket on loopback",
        "status": stream.status,
        "content_type": stream.headers["content-type"],
        "request": stream.request(),
        "reads": stream.reads,
        "end": (stream.end_at, "clean" if stream.complete else "cut"),
    }
    if once:
        answer = Capture(captures / once)
        recording["answer"] = (answer.reads[-1][0], Raw(b"".join(part for _, part in answer.reads).decode()))
    return recording


class Capture:
    """One captured exchange: the body's parts with the time each arrived, the transfer coding taken off."""

    def __init__(self, base):
        raw = base.with_suffix(".raw").read_bytes()
        lines = [json.loads(line) for line in base.with_suffix(".jsonl").read_text().splitlines()]
        # A line without an offset is a remark of whoever recorded, such as when the server was killed.
        self.arrivals, self.last = [line for line in lines if "off" in line], lines[-1]
        head, _, _ = raw.partition(b"\r\n\r\n")
        status_line, *fields = head.decode("latin-1").split("\r\n")
        self.status = int(status_line.split()[1])
        self.headers = {key.lower(): value.strip() for key, value in (field.split(":", 1) for field in fields)}
        start = len(head) + 4
        if self.headers.get("transfer-encoding") == "chunked":
            parts, self.complete = chunks(raw, start)
        else:
            parts = [(start, len(raw))]
            self.complete = len(raw) - start >= int(self.headers.get("content-length", 0))
        self.reads = [read for part in parts for read in self.split(raw, *part)]
        self.end_at = self.reads[-1][0] if self.reads else self.last["t"]
        if not self.complete:
            self.end_at = self.last["t"]

    def split(self, raw, start, end):
        """A chunk that came in several reads becomes several parts, each with its own time."""
        for read in self.arrivals:
            low, high = max(start, read["off"]), min(end, read["off"] + read["len"])
            if low < high:
                yield read["t"], raw[low:high]

    def endpoint(self):
        path = self.last["request"].split()[1].split("?")[0]
        ends = {"/chat/completions": "chat", "/responses": "responses", "/messages": "messages"}
        if ":" in path:
            return "gemini"
        return next((name for end, name in ends.items() if path.endswith(end)), "completion")

    def request(self):
        return Raw(self.last["request"].split("\r\n\r\n", 1)[1])


def chunks(raw, at):
    """Where the data of each chunk lies in `raw`, and whether the terminal chunk came."""
    found = []
    while True:
        line_end = raw.find(b"\r\n", at)
        if line_end < 0:
            return found, False
        size = int(raw[at:line_end].split(b";")[0], 16)
        start = line_end + 2
        if size == 0:
            return found, True
        found.append((start, min(start + size, len(raw))))
        at = start + size + 2


# --- writing --------------------------------------------------------------------------------------------------------


class Raw(str):
    """JSON text that is kept to the byte."""


def write(out, recording):
    head = [
        ("recording", 1),
        ("name", recording["name"]),
        ("endpoint", recording["endpoint"]),
        ("what", recording["what"]),
        ("source", recording["source"]),
        ("status", recording.get("status", 200)),
        ("content_type", recording.get("content_type", EVENT_STREAM)),
        ("request", recording["request"]),
    ]
    if "answer" in recording:
        elapsed, body = recording["answer"]
        head.append(("answer", Raw('{"elapsed":%s,"body":%s}' % (seconds(elapsed), compact(body)))))
    lines = ["{" + ",".join(compact(key) + ":" + compact(value) for key, value in head) + "}"]
    for t, part in recording.get("reads", []):
        try:
            lines.append('{"t":%s,"text":%s}' % (seconds(t), compact(part.decode())))
        except UnicodeDecodeError:
            lines.append('{"t":%s,"base64":%s}' % (seconds(t), compact(base64.b64encode(part).decode())))
    if "end" in recording:
        t, how = recording["end"]
        lines.append('{"t":%s,"end":%s}' % (seconds(t), compact(how)))
    (out / (recording["name"] + ".jsonl")).write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


def compact(value):
    return str(value) if isinstance(value, Raw) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def seconds(t):
    return ("%.6f" % t).rstrip("0").rstrip(".")


def load(path):
    return json.loads(path.read_text(encoding="utf-8"))


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    here = pathlib.Path(__file__).resolve().parent
    main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]) if len(sys.argv) == 4 else here)
