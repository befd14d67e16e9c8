"""One PPO update in PyTorch, written from the formulas and not from agora's code,
for the test beside it. usage: torch_update.py DIR

DIR holds policy/ and reference/ (Llama language models), critic/ (a Llama
classifier with a bias) and case.json (responses, scores, settings, the order of
the minibatches, the pretraining rows of every step). Prints one JSON object."""
import json, os, sys
import torch
from safetensors.torch import load_file
from transformers import LlamaForCausalLM, LlamaModel

torch.manual_seed(0)
torch.set_num_threads(1)
root = sys.argv[1]
case = json.load(open(os.path.join(root, "case.json")))
c = case["config"]


def lm(name):
    return LlamaForCausalLM.from_pretrained(os.path.join(root, name), dtype=torch.float32)


class Critic(torch.nn.Module):
    def __init__(self, path):
        super().__init__()
        self.trunk = LlamaModel.from_pretrained(path, dtype=torch.float32)
        head = load_file(os.path.join(path, "model-00002-of-00002.safetensors"))
        self.w = torch.nn.Parameter(head["score.weight"].reshape(-1).clone())
        self.b = torch.nn.Parameter(head["score.bias"].reshape(()).clone())

    def forward(self, ids):
        return self.trunk(ids).last_hidden_state @ self.w + self.b


policy, reference, critic = lm("policy"), lm("reference"), Critic(os.path.join(root, "critic"))
pairs = list(zip(case["prompts"], case["responses"]))


def logprobs(model, prompt, response, temperature):
    ids = torch.tensor([prompt + response])
    logits = model(ids).logits[0, len(prompt) - 1 : -1] / temperature
    logp = torch.log_softmax(logits, -1)
    return logp.gather(1, torch.tensor(response)[:, None])[:, 0]


def values(prompt, response):
    return critic(torch.tensor([prompt + response]))[0, len(prompt) - 1 : -1]


with torch.no_grad():
    old = [logprobs(policy, p, y, c["temperature"]) for p, y in pairs]
    ref = [logprobs(reference, p, y, c["temperature"]) for p, y in pairs]
    val = [values(p, y) for p, y in pairs]

adv, ret = [], []
for i in range(len(pairs)):
    reward = -c["kl_coef"] * (old[i] - ref[i])
    score = case["raw"][i]
    if not case["ended"][i]:
        score -= c["missing_eos_penalty"]
    reward[-1] += score
    a, last = torch.zeros_like(reward), 0.0
    for t in reversed(range(len(reward))):
        after = val[i][t + 1] if t + 1 < len(reward) else 0.0
        last = reward[t] + c["gamma"] * after - val[i][t] + c["gamma"] * c["lambda"] * last
        a[t] = last
    adv.append(a)
    ret.append(a + val[i])
flat = torch.cat(adv)
mean, std = flat.mean(), (flat.var(unbiased=True) + 1e-8).sqrt()
adv = [(a - mean) / std for a in adv]

adam = dict(lr=c["learning_rate"], betas=(c["adam_beta1"], c["adam_beta2"]), eps=c["adam_epsilon"], weight_decay=0.0)
popt, vopt = torch.optim.AdamW(policy.parameters(), **adam), torch.optim.AdamW(critic.parameters(), **adam)
steps = []
for rows, ptx in zip(case["minibatches"], case["ptx"]):
    new = torch.cat([logprobs(policy, *pairs[i], c["temperature"]) for i in rows])
    now = torch.cat([values(*pairs[i]) for i in rows])
    o, a, v, r = (torch.cat([x[i] for i in rows]) for x in (old, adv, val, ret))
    ratio = (new - o).exp()
    pg = torch.max(-a * ratio, -a * ratio.clamp(1 - c["clip"], 1 + c["clip"]))
    near = v + (now - v).clamp(-c["value_clip"], c["value_clip"])
    vf = 0.5 * torch.max((now - r) ** 2, (near - r) ** 2)
    nll, count = 0.0, 0
    for row in ptx:
        logits = policy(torch.tensor([row])).logits[0, :-1]
        nll = nll + torch.nn.functional.cross_entropy(logits, torch.tensor(row[1:]), reduction="sum")
        count += len(row) - 1
    ptx_loss = nll / count
    popt.zero_grad(), vopt.zero_grad()
    (pg.mean() + c["ptx_coef"] * ptx_loss).backward()
    (c["value_coef"] * vf.mean()).backward()
    pn = torch.nn.utils.clip_grad_norm_(policy.parameters(), c["max_grad_norm"])
    vn = torch.nn.utils.clip_grad_norm_(critic.parameters(), c["max_grad_norm"])
    popt.step(), vopt.step()
    steps.append(dict(policy_loss=pg.mean().item(), value_loss=vf.mean().item(), ptx_loss=ptx_loss.item(), policy_norm=pn.item(), value_norm=vn.item(),
                      approxkl=0.5 * ((new - o) ** 2).mean().item(), clipfrac=(ratio.sub(1).abs() > c["clip"]).logical_and(pg > -a * ratio).float().mean().item(),
                      ratio=ratio.mean().item()))
with torch.no_grad():
    final = torch.cat([logprobs(policy, p, y, c["temperature"]) for p, y in pairs])
    worth = torch.cat([values(p, y) for p, y in pairs])
cat = lambda xs: torch.cat(xs).tolist()
print(json.dumps(dict(torch=torch.__version__, old=cat(old), ref=cat(ref), value=cat(val), adv=cat(adv), ret=cat(ret), steps=steps,
                      final=final.tolist(), final_value=worth.tolist())))
