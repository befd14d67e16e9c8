"""Makes classifier/: a tiny LlamaForSequenceClassification with random weights, and
expected.json with the scores that transformers gives. Usage:
    python classifier.py DIRECTORY_WITH_TOKENIZER_JSON
Needs torch and transformers; made with torch 2.15, transformers 5.24.
"""
import json, os, shutil, sys
import torch
from transformers import LlamaConfig, LlamaForSequenceClassification

torch.manual_seed(1)
here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "classifier")
vocab = len(json.load(open(os.path.join(sys.argv[1], "tokenizer.json")))["model"]["vocab"])
model = LlamaForSequenceClassification(LlamaConfig(
    vocab_size=vocab, hidden_size=32, intermediate_size=48, num_hidden_layers=1, num_attention_heads=2,
    num_key_value_heads=1, max_position_embeddings=64, rms_norm_eps=1e-5, num_labels=1, initializer_range=0.3,
    bos_token_id=vocab - 1, eos_token_id=vocab - 1, pad_token_id=None, tie_word_embeddings=True)).eval()
model.save_pretrained(here)
for name in ("tokenizer.json", "tokenizer_config.json"):
    shutil.copy(os.path.join(sys.argv[1], name), here)
sequences = [[vocab - 1, 5, 80, 33, vocab - 1], [7], list(range(1, 41)), [vocab - 1] + [9] * 20]
with torch.no_grad():
    scores = [model(torch.tensor([s])).logits.item() for s in sequences]
json.dump({"sequences": sequences, "scores": scores}, open(os.path.join(here, "expected.json"), "w"))
