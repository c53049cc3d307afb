"""Writes a model for llama.cpp that is as small as one can be.

Its tokens are the 256 bytes, its weights are random.

What it says means nothing, but a grammar makes it say a given text, byte by byte, so that
characters are cut between tokens.

tiny_model.py OUT.gguf        (needs the packages gguf and numpy)
"""

import sys

import gguf
import numpy

WIDTH, LAYERS, HEADS = 32, 1, 2


def visible_bytes():
    """GPT-2's names of the 256 bytes: a byte that is no visible Latin-1 character is named by a code point from 256 on."""
    spare = 256
    for byte in range(256):
        if 33 <= byte <= 126 or 161 <= byte <= 172 or byte >= 174:
            yield chr(byte)
        else:
            yield chr(spare)
            spare += 1


tokens = list(visible_bytes())
kinds = [gguf.TokenType.NORMAL] * len(tokens)
# The tokenizer wants at least one merge.
tokens.append("th")
kinds.append(gguf.TokenType.NORMAL)
for control in ("<|im_start|>", "<|im_end|>"):
    tokens.append(control)
    kinds.append(gguf.TokenType.CONTROL)
begin, end = len(tokens) - 2, len(tokens) - 1

writer = gguf.GGUFWriter(sys.argv[1], "llama")
writer.add_name("tiny")
writer.add_context_length(2048)
writer.add_embedding_length(WIDTH)
writer.add_block_count(LAYERS)
writer.add_feed_forward_length(2 * WIDTH)
writer.add_head_count(HEADS)
writer.add_head_count_kv(HEADS)
writer.add_rope_dimension_count(WIDTH // HEADS)
writer.add_layer_norm_rms_eps(1e-5)
writer.add_vocab_size(len(tokens))
writer.add_file_type(gguf.LlamaFileType.ALL_F32)
writer.add_tokenizer_model("gpt2")
writer.add_tokenizer_pre("gpt-2")
writer.add_token_list(tokens)
writer.add_token_types(kinds)
writer.add_token_merges(["t h"])
writer.add_bos_token_id(begin)
writer.add_eos_token_id(end)
writer.add_add_bos_token(False)

random = numpy.random.default_rng(1)


def tensor(name, *shape):
    writer.add_tensor(name, random.normal(0, 0.2, shape).astype(numpy.float32))


def ones(name):
    writer.add_tensor(name, numpy.ones(WIDTH, numpy.float32))


tensor("token_embd.weight", len(tokens), WIDTH)
for layer in range(LAYERS):
    block = f"blk.{layer}."
    ones(block + "attn_norm.weight")
    for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
        tensor(f"{block}{part}.weight", WIDTH, WIDTH)
    ones(block + "ffn_norm.weight")
    tensor(block + "ffn_gate.weight", 2 * WIDTH, WIDTH)
    tensor(block + "ffn_up.weight", 2 * WIDTH, WIDTH)
    tensor(block + "ffn_down.weight", WIDTH, 2 * WIDTH)
ones("output_norm.weight")
tensor("output.weight", len(tokens), WIDTH)
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
