"""Writes mup.json: what microsoft/mup makes of a Llama-shaped and a GPT-2-shaped model.

    pip install mup==1.0.0 torch; python make_mup.py

The base has width 32 and feed-forward 48, the target width 96 and feed-forward 192. For every tensor:
learning rate and weight decay of MuAdamW(lr=1, weight_decay=1), and the standard deviation that
mup.init.normal_(std=1) draws with; for the head the factor of its input.
"""
import json, pathlib
import mup, torch
from torch import nn

VOCAB, CONTEXT, LAYERS = 40, 16, 1


class Norm(nn.Module):
    def __init__(self, d, bias):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(d))
        if bias:
            self.bias = nn.Parameter(torch.zeros(d))


def llama(d, ffn):
    m = {"model.embed_tokens": nn.Embedding(VOCAB, d), "model.norm": Norm(d, False), "lm_head": mup.MuReadout(d, VOCAB, bias=False)}
    for i in range(LAYERS):
        l = f"model.layers.{i}."
        m |= {l + "input_layernorm": Norm(d, False), l + "post_attention_layernorm": Norm(d, False)}
        m |= {l + f"self_attn.{x}_proj": nn.Linear(d, d, bias=False) for x in "qkvo"}
        m |= {l + "mlp.gate_proj": nn.Linear(d, ffn, bias=False), l + "mlp.up_proj": nn.Linear(d, ffn, bias=False),
              l + "mlp.down_proj": nn.Linear(ffn, d, bias=False)}
    return m


def gpt2(d, ffn):
    m = {"transformer.wte": nn.Embedding(VOCAB, d), "transformer.wpe": nn.Embedding(CONTEXT, d),
         "transformer.ln_f": Norm(d, True), "lm_head": mup.MuReadout(d, VOCAB, bias=False)}
    for i in range(LAYERS):
        l = f"transformer.h.{i}."
        m |= {l + "ln_1": Norm(d, True), l + "ln_2": Norm(d, True), l + "attn.c_attn": nn.Linear(d, 3 * d),
              l + "attn.c_proj": nn.Linear(d, d), l + "mlp.c_fc": nn.Linear(d, ffn), l + "mlp.c_proj": nn.Linear(ffn, d)}
    return m


class Model(nn.Module):
    def __init__(self, parts):
        super().__init__()
        for name, part in parts.items():
            self.add_module(name.replace(".", "/"), part)


def table(make):
    target = Model(make(96, 192))
    mup.set_base_shapes(target, Model(make(32, 48)), delta=Model(make(64, 80)), rescale_params=False)
    rows = {}
    for name, p in target.named_parameters():
        rows[name.replace("/", ".")] = {}
        if p.dim() == 2:  # the factor that mup.init puts on a standard deviation, measured without noise
            torch.manual_seed(0)
            mup.init.normal_(p, std=1)
            got = p.detach().clone()
            torch.manual_seed(0)
            rows[name.replace("/", ".")]["std"] = round(float((got / torch.empty_like(p).normal_()).median()), 6)
    of = {id(p): n.replace("/", ".") for n, p in target.named_parameters()}
    for group in mup.MuAdamW(target.parameters(), lr=1.0, weight_decay=1.0).param_groups:
        for p in group["params"]:
            rows[of[id(p)]] |= {"lr": group["lr"], "weight_decay": group["weight_decay"]}
    head = [m for m in target.modules() if isinstance(m, mup.MuReadout)][0]
    return {"tensors": rows, "output": head.output_mult / head.width_mult()}


out = {"mup": mup.__version__ if hasattr(mup, "__version__") else "1.0.0", "base": {"width": 32, "ffn": 48}, "target": {"width": 96, "ffn": 192},
       "llama": table(llama), "gpt2": table(gpt2)}
pathlib.Path(__file__).with_name("mup.json").write_text(json.dumps(out, indent=1) + "\n")
