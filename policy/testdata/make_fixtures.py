"""Writes the fixtures of this folder: small random models as transformers saves them, with its logits.

    python make_fixtures.py        (torch 2.15.0, transformers 5.24.0, tokenizers of that version)

llama/  grouped queries, untied head, sharded fp32       llama-bf16/  tied head, one bf16 file
gpt2/   as GPT2LMHeadModel saves it
Each has tokenizer.json, and reference.json: token ids of some texts, and the logits after the last of them;
and training.json: the losses of eight steps of AdamW on two texts.
"""
import json, os, shutil, torch
from tokenizers import Tokenizer, models, pre_tokenizers, decoders, trainers
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

HERE = os.path.dirname(os.path.abspath(__file__))
CORPUS = ["It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness.",
          "Call me Ishmael. Some years ago - never mind how long precisely - having little or no money in my purse.",
          "We don't know 1234 or 99; they're naïve, aren't they?  \n\n\tYes!"]
TEXTS = ["It was the age of times.", "  Some   years\n ago, we don't know 12 purses!", "naïve 日本 \U0001f600", "a"]


def tokenizer():
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    t.decoder = decoders.ByteLevel()
    t.train_from_iterator(CORPUS, trainers.BpeTrainer(vocab_size=320, special_tokens=["<|endoftext|>"],
                          initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    return PreTrainedTokenizerFast(tokenizer_object=t, bos_token="<|endoftext|>", eos_token="<|endoftext|>")


def write(name, model, tok, **how):
    out = os.path.join(HERE, name)
    shutil.rmtree(out, ignore_errors=True)
    torch.manual_seed(0)
    for p in model.parameters():
        with torch.no_grad():
            p.copy_(torch.randn_like(p) * (0.25 if p.dim() > 1 else 0.1) + (1 if p.dim() == 1 and "Llama" in type(model).__name__ else 0))
    model.eval()
    if how.pop("bf16", False):
        model = model.bfloat16()
    model.save_pretrained(out, **how)
    tok.save_pretrained(out)
    model = type(model).from_pretrained(out, dtype=torch.float32).eval()
    rows = []
    for text in TEXTS:
        ids = tok(text)["input_ids"]
        with torch.no_grad():
            logits = model(torch.tensor([ids])).logits[0, -1]
        rows.append({"text": text, "ids": ids, "logits": [round(x, 6) for x in logits.tolist()]})
    with open(os.path.join(out, "reference.json"), "w") as f:
        f.write("[\n" + ",\n".join(json.dumps(r) for r in rows) + "\n]\n")


def train(name, cls, tok):
    """AdamW with clipping and weight decay on matrices only; mean cross-entropy over both texts."""
    model = cls.from_pretrained(os.path.join(HERE, name), dtype=torch.float32).eval()  # eval: no dropout
    decay = [p for p in model.parameters() if p.dim() > 1]
    rest = [p for p in model.parameters() if p.dim() == 1]
    opt = torch.optim.AdamW([{"params": decay, "weight_decay": 0.1}, {"params": rest, "weight_decay": 0.0}],
                            lr=0.01, betas=(0.9, 0.95), eps=1e-8)
    seqs = [[0] + tok(t)["input_ids"] + [0] for t in (CORPUS[0][:60], CORPUS[1][:40])]
    steps = []
    for _ in range(8):
        total, n = 0, 0
        for s in seqs:
            logits = model(torch.tensor([s[:-1]])).logits[0]
            total = total + torch.nn.functional.cross_entropy(logits, torch.tensor(s[1:]), reduction="sum")
            n += len(s) - 1
        loss = total / n
        opt.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
        steps.append({"loss": loss.item(), "grad_norm": norm.item()})
    with open(os.path.join(HERE, name, "training.json"), "w") as f:
        json.dump({"sequences": seqs, "steps": steps}, f)
        f.write("\n")


tok = tokenizer()
n = len(tok)
llama = dict(vocab_size=n, hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=4,
             max_position_embeddings=64, rope_theta=5000.0, rms_norm_eps=1e-5, bos_token_id=0, eos_token_id=0)
write("llama", LlamaForCausalLM(LlamaConfig(num_key_value_heads=2, head_dim=8, tie_word_embeddings=False, **llama)), tok, max_shard_size="60KB")
write("llama-bf16", LlamaForCausalLM(LlamaConfig(num_key_value_heads=4, tie_word_embeddings=True, **llama)), tok, bf16=True)
write("gpt2", GPT2LMHeadModel(GPT2Config(vocab_size=n, n_embd=24, n_layer=2, n_head=3, n_positions=64, bos_token_id=0, eos_token_id=0)), tok)
for name, cls in (("llama", LlamaForCausalLM), ("llama-bf16", LlamaForCausalLM), ("gpt2", GPT2LMHeadModel)):
    train(name, cls, tok)
