"""Times PyTorch on the work of the Go benchmarks, under their names.

    OMP_NUM_THREADS=2 python3 torchops.py THREADS SECONDS GROUP…

with groups matmul, ops, attention, train, decode, mlp, encoder. Prints a line
for each case: its name and the median nanoseconds of a call. Every case does
what the benchmark of that name in the folder above does, in the fastest way
that this PyTorch has.
"""

import math
import statistics
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

FUSED = getattr(F, "scaled_dot_product_attention", None)  # since 2.0


def median_ns(seconds, f):
    for _ in range(5):
        f()
    took, start = [], time.perf_counter()
    while len(took) < 3 or time.perf_counter() - start < seconds:
        t = time.perf_counter_ns()
        f()
        took.append(time.perf_counter_ns() - t)
    return statistics.median(took)


def matmul(case):
    for shape in ("nn/64x64x64 nn/128x128x128 nn/256x256x256 nn/512x512x512 nn/1024x1024x1024 nn/2048x2048x2048 "
                  "nn/512x1024x256 nt/512x1024x256 tn/256x1024x512 nt/1024x4096x256 nn/32x1024x1024 nn/8x2048x2048 "
                  "nn/1x2048x2048 nt/8x128x128x64").split():
        layout, size = shape.split("/")
        *batch, m, n, k = map(int, size.split("x"))
        a = torch.randn(*batch, k, m).transpose(-1, -2) if layout[0] == "t" else torch.randn(*batch, m, k)
        b = torch.randn(*batch, n, k).transpose(-1, -2) if layout[1] == "t" else torch.randn(*batch, k, n)
        c = torch.empty(*batch, m, n)
        case("MatMul/f32/" + shape, lambda: torch.matmul(a, b, out=c))


def forward_backward(case, group, shape, f, *inputs):
    """Times f alone, and with its gradients from a random one of its result."""
    plain = [x.detach() for x in inputs]
    dy = torch.randn_like(f(*plain))

    def both():
        for x in inputs:
            x.grad = None  # else they are added up
        f(*inputs).backward(dy)

    case(f"{group}/fwd/{shape}", lambda: f(*plain))
    case(f"{group}/fwdbwd/{shape}", both)


def leaf(*shape):
    return torch.randn(*shape, requires_grad=True)


def ops(case):
    for shape in ((1024, 1024), (8, 8, 128, 128)):
        forward_backward(case, "Softmax", "x".join(map(str, shape)), lambda x: torch.softmax(x, -1), leaf(*shape))
    x = leaf(1024, 1024)
    forward_backward(case, "LogSoftmax", "1024x1024", lambda x: torch.log_softmax(x, -1), x)
    forward_backward(case, "GELU/tanh", "1024x1024", lambda x: F.gelu(x, approximate="tanh"), x)
    forward_backward(case, "GELU/erf", "1024x1024", F.gelu, x)
    forward_backward(case, "Exp", "1024x1024", torch.exp, x)
    forward_backward(case, "Add", "1024x1024", torch.add, x, leaf(1024, 1024))
    forward_backward(case, "LayerNorm", "1024x256", lambda x, w, b: F.layer_norm(x, (256,), w, b), leaf(1024, 256), leaf(256), leaf(256))
    if hasattr(F, "rms_norm"):
        forward_backward(case, "RMSNorm", "1024x256", lambda x, w: F.rms_norm(x, (256,), w, 1e-5), leaf(1024, 256), leaf(256))
    target = torch.randint(0, 4096, (1024,))
    forward_backward(case, "CrossEntropy", "1024x4096", lambda x: F.cross_entropy(x, target), leaf(1024, 4096))
    weights = [leaf(1 << 20) for _ in range(4)]
    for w in weights:
        w.grad = torch.randn_like(w)
    case("AdamW/4M", *(o.step for o in optimizers(torch.optim.AdamW, weights, 1e-4)))


def optimizers(kind, weights, lr):
    """Every implementation of the optimizer that there is."""
    found = []
    for how in ({"foreach": False}, {"foreach": True}, {"fused": True}):
        try:
            found.append(kind(weights, lr=lr, **how))
        except (TypeError, RuntimeError):
            pass
    return found


def fastest(kind, weights, lr):
    return optimizers(kind, weights, lr)[-1]


def causal(q, k, v, hidden):
    """Causal attention; hidden is the mask of the keys that are not seen."""
    if FUSED:
        return FUSED(q, k, v, is_causal=hidden is not None)
    scores = (q @ k.transpose(-2, -1)) * (1 / math.sqrt(q.shape[-1]))
    if hidden is not None:
        scores = scores.masked_fill(hidden, -math.inf)
    return torch.softmax(scores, -1) @ v


def later(n):
    return torch.triu(torch.ones(n, n, dtype=torch.bool), 1)


def attention(case):
    for shape in ((8, 8, 128, 32), (1, 8, 512, 64)):
        hidden = later(shape[2])
        forward_backward(case, "Attention", "x".join(map(str, shape)), lambda q, k, v: causal(q, k, v, hidden), leaf(*shape), leaf(*shape), leaf(*shape))


class Block(nn.Module):
    def __init__(self, dim, heads, hidden, gelu):
        super().__init__()
        self.heads, self.gelu = heads, gelu
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.qkv, self.out = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.up, self.down = nn.Linear(dim, hidden), nn.Linear(hidden, dim)

    def forward(self, x, hidden=None, cache=None):
        b, s, d = x.shape
        q, k, v = (t.view(b, s, self.heads, -1).transpose(1, 2) for t in self.qkv(self.norm1(x)).chunk(3, -1))
        if cache is not None:
            keys, values, n = cache
            keys[:, :, n:n + s], values[:, :, n:n + s] = k, v
            k, v = keys[:, :, :n + s], values[:, :, :n + s]
            cache[2] += s
        y = causal(q, k, v, hidden).transpose(1, 2).reshape(b, s, d)
        x = x + self.out(y)
        return x + self.down(F.gelu(self.up(self.norm2(x)), approximate=self.gelu))


class GPT(nn.Module):
    vocab, dim, heads, layers, seq, batch = 4096, 256, 8, 4, 128, 8

    def __init__(self):
        super().__init__()
        self.tokens, self.positions = nn.Embedding(self.vocab, self.dim), nn.Embedding(self.seq, self.dim)
        self.blocks = nn.ModuleList(Block(self.dim, self.heads, 4 * self.dim, "tanh") for _ in range(self.layers))
        self.norm, self.head = nn.LayerNorm(self.dim), nn.Linear(self.dim, self.vocab, bias=False)
        self.hidden = later(self.seq)

    def forward(self, tokens, caches=None, at=0):
        s = tokens.shape[1]
        x = self.tokens(tokens) + self.positions(torch.arange(at, at + s))
        for i, block in enumerate(self.blocks):
            x = block(x, self.hidden[:s, :s] if s > 1 else None, caches and caches[i])
        return self.head(self.norm(x))


def training(model, kind, lr, loss):
    optimizer = fastest(kind, list(model.parameters()), lr)

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss().backward()
        optimizer.step()

    return step


def train(case):
    m = GPT()
    tokens, target = (torch.randint(0, m.vocab, (m.batch, m.seq)) for _ in range(2))
    case("TrainStep/gpt", training(m, torch.optim.AdamW, 3e-4, lambda: F.cross_entropy(m(tokens).view(-1, m.vocab), target.view(-1))))


@torch.no_grad()
def decode(case):
    m = GPT().eval()

    def generate():
        shape = (1, m.heads, m.seq, m.dim // m.heads)
        caches = [[torch.zeros(shape), torch.zeros(shape), 0] for _ in range(m.layers)]
        token = torch.tensor([[1]])
        for i in range(m.seq - 1):
            token = m(token, caches, i)[:, -1].argmax(-1, keepdim=True)

    case("Decode/gpt", generate)


def mlp(case):
    m = nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10))
    x, target = torch.randn(128, 784), torch.randint(0, 10, (128,))
    case("MLPStep/784-512-512-10", training(m, torch.optim.Adam, 1e-3, lambda: F.cross_entropy(m(x), target)))


def encoder(case):
    m = nn.Sequential(Block(128, 4, 512, "none"), Block(128, 4, 512, "none"), nn.LayerNorm(128))
    head = nn.Linear(128, 10)
    x, target = torch.randn(8, 64, 128), torch.randint(0, 10, (8,))
    both = nn.ModuleList([m, head])
    case("EncoderStep/2x128x4x512/8x64", training(both, torch.optim.Adam, 1e-3, lambda: F.cross_entropy(head(m(x).mean(1)), target)))


def main():
    threads, seconds = int(sys.argv[1]), float(sys.argv[2])
    torch.set_num_threads(threads)
    torch.manual_seed(0)

    def case(name, *ways):
        print(name, min(median_ns(seconds, f) for f in ways), flush=True)

    for group in sys.argv[3:]:
        {"matmul": matmul, "ops": ops, "attention": attention, "train": train, "decode": decode, "mlp": mlp, "encoder": encoder}[group](case)


if __name__ == "__main__":
    main()
