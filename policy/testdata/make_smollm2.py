"""Writes smollm2.json: what transformers computes from a GGUF file of SmolLM2-135M-Instruct.

    python make_smollm2.py SmolLM2-135M-Instruct.Q4_1.gguf     (torch 2.15.0, transformers 5.24.0, gguf 0.19.0)

The file is read by llama.cpp's own Python package, so nothing here is agora's. Each row: a text, its
ids, logits after the last of them (the 16 likeliest and every 1024th), and 24 greedy tokens.
"""
import json, os, sys
import numpy as np, torch
from gguf import GGUFReader
from gguf.quants import dequantize
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM

HERE = os.path.dirname(os.path.abspath(__file__))
TEXTS = ["The capital of France is", "def fibonacci(n):\n    if n <", "Once upon a time, in 1987, there were 3 bears — naïve ones.",
         "<|im_start|>user\nWhat is the capital of France?<|im_end|>\n<|im_start|>assistant\n"]
NAMES = {"attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj",
         "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj",
         "attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm"}
reader = GGUFReader(sys.argv[1])
meta = {k: f.contents() for k, f in reader.fields.items()}
tensors = {t.name: dequantize(t.data, t.tensor_type).reshape([int(n) for n in t.shape[::-1]]) for t in reader.tensors}
heads, kv, layers = (meta["llama." + k] for k in ("attention.head_count", "attention.head_count_kv", "block_count"))
config = LlamaConfig(vocab_size=meta["llama.vocab_size"], hidden_size=meta["llama.embedding_length"], intermediate_size=meta["llama.feed_forward_length"],
                     num_hidden_layers=layers, num_attention_heads=heads, num_key_value_heads=kv, max_position_embeddings=meta["llama.context_length"],
                     rms_norm_eps=meta["llama.attention.layer_norm_rms_epsilon"], rope_theta=meta["llama.rope.freq_base"], tie_word_embeddings=True)


def halves(w, n):  # llama.cpp keeps the rows of a rotated pair side by side
    return w.reshape(n, w.shape[0] // n // 2, 2, w.shape[1]).swapaxes(2, 1).reshape(w.shape)


state = {"model.embed_tokens.weight": tensors["token_embd.weight"], "model.norm.weight": tensors["output_norm.weight"]}
for i in range(layers):
    for ours, theirs in NAMES.items():
        w = tensors[f"blk.{i}.{ours}.weight"]
        state[f"model.layers.{i}.{theirs}.weight"] = halves(w, {"attn_q": heads, "attn_k": kv}[ours]) if ours in ("attn_q", "attn_k") else w
model = LlamaForCausalLM(config).float().eval()
missing, unexpected = model.load_state_dict({k: torch.tensor(np.array(v, dtype=np.float32)) for k, v in state.items()}, strict=False)
assert missing == ["lm_head.weight"] and not unexpected
model.tie_weights()

tokens = meta["tokenizer.ggml.tokens"]
tok = Tokenizer(models.BPE(vocab={t: i for i, t in enumerate(tokens)}, merges=[tuple(m.split(" ")) for m in meta["tokenizer.ggml.merges"]]))
tok.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
tok.add_special_tokens([AddedToken(tokens[i], special=True, normalized=False) for i, k in enumerate(meta["tokenizer.ggml.token_type"]) if k != 1])

rows = []
for text in TEXTS:
    ids = tok.encode(text, add_special_tokens=False).ids
    grown = list(ids)
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0, -1].numpy()
        for _ in range(24):
            grown.append(int(model(torch.tensor([grown])).logits[0, -1].argmax()))
    picks = sorted(set(np.argsort(-logits)[:16].tolist()) | set(range(0, len(logits), 1024)))
    rows.append({"text": text, "ids": ids, "logits": {str(i): round(float(logits[i]), 6) for i in picks}, "greedy": grown[len(ids):]})
with open(os.path.join(HERE, "smollm2.json"), "w") as f:
    f.write("[\n" + ",\n".join(json.dumps(r) for r in rows) + "\n]\n")
