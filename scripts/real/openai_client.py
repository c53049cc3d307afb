"""The openai package as the client: prints {"model", "finished", "text"} for each stream it is told to ask for.

openai_client.py BASE_URL chat|completion MODEL...
"""

import json
import sys

import openai

base_url, endpoint, *models = sys.argv[1:]
client = openai.OpenAI(base_url=base_url, api_key="none", max_retries=0, timeout=20)

for model in models:
    text = ""
    finished = False
    if endpoint == "chat":
        messages = [{"role": "user", "content": "x"}]
        stream = client.chat.completions.create(model=model, messages=messages, stream=True)
    else:
        stream = client.completions.create(model=model, prompt="x", stream=True)
    for chunk in stream:
        for choice in chunk.choices:
            if choice.index == 0:
                text += (choice.delta.content if endpoint == "chat" else choice.text) or ""
                finished = finished or choice.finish_reason is not None
    # Python keeps the halves of a surrogate pair apart that came in two chunks.
    text = text.encode("utf-16", "surrogatepass").decode("utf-16")
    print(json.dumps({"model": model, "finished": finished, "text": text}, ensure_ascii=False, separators=(",", ":")))
