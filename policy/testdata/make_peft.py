"""Writes peft/: LoRA adapters of Hugging Face's PEFT for the models llama/ and gpt2/ of this folder, with random
numbers, and reference.json in each: token ids of some texts, and the adapted model's logits after the last of them.

    python make_peft.py        (torch 2.15.0, transformers 5.24.0, peft 0.21.2)
"""
import json, os, shutil, torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

HERE = os.path.dirname(os.path.abspath(__file__))
TEXTS = ["It was the age of times.", "a"]


def write(model, name, **lora):
    base, out = os.path.join(HERE, model), os.path.join(HERE, "peft", name)
    shutil.rmtree(out, ignore_errors=True)
    torch.manual_seed(1)
    net = get_peft_model(AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32), LoraConfig(task_type="CAUSAL_LM", **lora)).eval()
    for n, p in net.named_parameters():
        if "lora_" in n:
            with torch.no_grad():
                p.copy_(torch.randn_like(p) * 0.2)
    net.save_pretrained(out)
    path = os.path.join(out, "adapter_config.json")
    config = json.load(open(path))
    config["base_model_name_or_path"] = "../../" + model  # relative to the adapter
    json.dump(config, open(path, "w"), indent=2)
    os.remove(os.path.join(out, "README.md"))
    tok = AutoTokenizer.from_pretrained(base)
    rows = []
    for text in TEXTS:
        ids = tok(text)["input_ids"]
        with torch.no_grad():
            logits = net(torch.tensor([ids])).logits[0, -1]
        rows.append({"text": text, "ids": ids, "logits": [round(x, 6) for x in logits.tolist()]})
    with open(os.path.join(out, "reference.json"), "w") as f:
        f.write("[\n" + ",\n".join(json.dumps(r) for r in rows) + "\n]\n")


write("llama", "llama", r=3, lora_alpha=6, target_modules=["q_proj", "v_proj", "up_proj", "down_proj"])
write("gpt2", "gpt2", r=2, lora_alpha=5, target_modules=["c_attn", "mlp.c_proj"], use_rslora=True)
write("gpt2", "gpt2-head", r=2, lora_alpha=4, target_modules=["c_fc", "lm_head"])  # a tied output layer; PEFT then saves the embedding too
