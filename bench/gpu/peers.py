"""Times PyTorch's LSTMs on the shapes that lnrnn is measured on.

Plain nn.LSTM (cuDNN on a GPU), and a layer-normalised LSTM as one writes it in PyTorch: eager, as
TorchScript, and with its step compiled and the whole loop replayed as one CUDA graph. Before anything
is timed, its results are compared with lnrnn's on the same numbers at the same widths (few steps and
rows), through the bench program's parity command. Rows go to OUT/peers.jsonl as they are measured.
"""

import argparse
import ctypes
import json
import math
import pathlib
import subprocess
import sys
import tempfile
import time

import torch
import torch.nn.functional as F

SHAPES = {  # T steps, N rows, C inputs, H hidden units
    "A": (1, 1, 128, 256),
    "B": (100, 1, 256, 512),
    "C": (100, 32, 512, 512),
    "D": (256, 64, 1024, 1024),
    "E": (25, 128, 256, 256),
    "F": (512, 16, 2048, 2048),
}
DTYPES = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}
# Largest error of outputs and of gradients, relative to the tensor's largest element.
BOUNDS = {"f32": (1e-4, 1e-4), "f16": (1e-2, 3e-2), "bf16": (6e-2, 2e-1)}
EPSILON = 1e-5
# The part that runs this may take 8 minutes: the last measurement begins before.
DEADLINE_SECONDS = 420


class Problem:
    """Parameters and data. Every value is exact in all data types: a small integer times a power of two."""

    def __init__(self, shape, normalized):
        self.shape = shape
        self.normalized = normalized
        steps, batch, inputs, hidden = shape
        random = torch.Generator().manual_seed(1)

        def draw(size, first, last, scale):
            return torch.randint(first, last + 1, size, generator=random).float() * scale

        weight_scale = 2.0 ** (-math.ceil(0.5 * math.log2(hidden)) - 1)
        self.tensors = {
            "x": draw((steps, batch, inputs), -64, 64, 1 / 64),
            "dy": draw((steps, batch, hidden), -64, 64, 1 / 64),
            "weight_ih_l0": draw((4 * hidden, inputs), -4, 4, weight_scale),
            "weight_hh_l0": draw((4 * hidden, hidden), -4, 4, weight_scale),
            "bias_l0": draw((4 * hidden,), -16, 16, 1 / 64),
        }
        if normalized:
            self.tensors |= {
                "layernorm_i_l0.weight": draw((4 * hidden,), 48, 80, 1 / 64),
                "layernorm_h_l0.weight": draw((4 * hidden,), 48, 80, 1 / 64),
                "layernorm_c_l0.weight": draw((hidden,), 48, 80, 1 / 64),
                "layernorm_c_l0.bias": draw((hidden,), -16, 16, 1 / 64),
            }

    def on(self, device, dtype):
        return {name: tensor.to(device, dtype) for name, tensor in self.tensors.items()}

    def write_case(self, path):
        """As a reference case without the reference: what the command parity reads."""
        steps, batch, inputs, hidden = self.shape
        zeros = torch.zeros(1, batch, hidden)
        metadata = {
            "cell": "lstm", "normalization": "haste" if self.normalized else "none", "T": steps, "N": batch,
            "C": inputs, "H": hidden, "layers": 1, "direction": "forward", "zoneout": 0, "dropconnect": 0,
            "epsilon": EPSILON, "training": "true",
        }
        write_safetensors(path, self.tensors | {"dhn": zeros, "dcn": zeros}, metadata)


def write_safetensors(path, tensors, metadata):
    header, at = {"__metadata__": {key: str(value) for key, value in metadata.items()}}, 0
    for name, tensor in tensors.items():
        end = at + 4 * tensor.numel()
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [at, end]}
        at = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for tensor in tensors.values():
            tensor = tensor.contiguous()
            file.write(ctypes.string_at(tensor.data_ptr(), 4 * tensor.numel()))


def read_safetensors(path):
    data = bytearray(pathlib.Path(path).read_bytes())
    begin = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:begin])
    header.pop("__metadata__", None)
    return {
        name: torch.frombuffer(data, dtype=torch.float64, count=math.prod(entry["shape"]),
                               offset=begin + entry["data_offsets"][0]).reshape(entry["shape"])
        for name, entry in header.items()
    }


class Lnrnn:
    """Runs lnrnn's parity command; the results are cached, for every system is compared with them."""

    def __init__(self, bundle, library, device):
        java = [str(bundle / "runtime/bin/java"), "--enable-native-access=ALL-UNNAMED"]
        self.command = [*java, f"-Dlnrnn.library={library}", "-jar", str(bundle / "jars/lnrnn-bench.jar")]
        self.device = device
        self.results = {}

    def run(self, problem):
        key = (problem.shape, problem.normalized)
        if key not in self.results:
            with tempfile.TemporaryDirectory() as folder:
                case, result = folder + "/case.safetensors", folder + "/result.safetensors"
                problem.write_case(case)
                subprocess.run([*self.command, "parity", case, "--out", result, "--device", self.device,
                                "--dtype", "f32"], check=True)
                self.results = {key: read_safetensors(result)}
        return self.results[key]


def nn_lstm(problem, device, dtype):
    tensors = problem.on(device, dtype)
    _, _, inputs, hidden = problem.shape
    module = torch.nn.LSTM(inputs, hidden).to(device, dtype)
    with torch.no_grad():
        module.weight_ih_l0.copy_(tensors["weight_ih_l0"])
        module.weight_hh_l0.copy_(tensors["weight_hh_l0"])
        module.bias_ih_l0.copy_(tensors["bias_l0"])
        module.bias_hh_l0.zero_()
    if device.type == "cuda":
        module.flatten_parameters()
    parameters = {"weight_hh_l0": module.weight_hh_l0, "all": list(module.parameters())}
    return Network(tensors["x"], tensors["dy"], parameters, lambda x: module(x)[0])


def step(a, h, c, weight, gain, bias, gain_c, bias_c):
    r = F.layer_norm(F.linear(h, weight), [weight.size(0)], gain, None, 1e-5)
    i, f, g, o = (a + r + bias).chunk(4, -1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    k = F.layer_norm(c, [weight.size(1)], gain_c, bias_c, 1e-5)
    return torch.sigmoid(o) * torch.tanh(k), c


def loop(x, weight_ih, gain_i, weight, gain, bias, gain_c, bias_c):
    all_a = F.layer_norm(F.linear(x, weight_ih), [weight_ih.size(0)], gain_i, None, 1e-5)
    h = torch.zeros(x.size(1), weight.size(1), dtype=x.dtype, device=x.device)
    c = h
    y = []
    for a in all_a.unbind(0):
        h, c = step(a, h, c, weight, gain, bias, gain_c, bias_c)
        y.append(h)
    return torch.stack(y)


def layer_normalised(make_run):
    def build(problem, device, dtype):
        run = make_run()
        tensors = problem.on(device, dtype)
        names = ["weight_ih_l0", "layernorm_i_l0.weight", "weight_hh_l0", "layernorm_h_l0.weight", "bias_l0",
                 "layernorm_c_l0.weight", "layernorm_c_l0.bias"]
        parameters = {name: tensors[name].requires_grad_() for name in names}
        everything = list(parameters.values())
        return Network(tensors["x"], tensors["dy"], parameters | {"all": everything}, lambda x: run(x, *everything))

    return build


def compiled_step_loop():
    """The loop above around a step that is compiled, for these sizes alone: its kernels are fused."""
    torch.compiler.reset()
    fused = torch.compile(step, dynamic=False)

    def run(x, weight_ih, gain_i, weight, gain, bias, gain_c, bias_c):
        all_a = F.layer_norm(F.linear(x, weight_ih), [weight_ih.size(0)], gain_i, None, 1e-5)
        h = c = torch.zeros(x.size(1), weight.size(1), dtype=x.dtype, device=x.device)
        y = []
        for a in all_a.unbind(0):
            h, c = fused(a, h, c, weight, gain, bias, gain_c, bias_c)
            y.append(h)
        return torch.stack(y)

    return run


class Network:
    """A way to compute y, and gradients, of one problem."""

    def __init__(self, x, dy, parameters, forward):
        self.x, self.dy, self.parameters, self.forward = x, dy, parameters, forward
        self.y = None

    def inference(self):
        with torch.no_grad():
            self.y = self.forward(self.x)

    def training(self):
        self.x.requires_grad_()
        for tensor in [self.x, *self.parameters["all"]]:
            tensor.grad = None
        self.y = self.forward(self.x)
        self.y.backward(self.dy)

    def error(self, expected, mode):
        if mode == "inference":
            return relative(self.y, expected["y"])
        pairs = [(self.x.grad, "grad.x"), (self.parameters["weight_hh_l0"].grad, "grad.weight_hh_l0")]
        return max(relative(ours, expected[name]) for ours, name in pairs)


def relative(values, expected):
    difference = (values.detach().double().cpu() - expected).abs().max()
    return float(difference / expected.abs().max())


def as_graph(call):
    """The same work as one CUDA graph; memory of its results is the graph's and stays."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            call()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        call()
    return graph.replay


def measure(call, device, budget):
    """Milliseconds: the median, and its 95 % confidence interval by order statistics."""
    for _ in range(3):
        call()
    samples = []
    begin = time.perf_counter()
    while len(samples) < 5 or (time.perf_counter() - begin < budget and len(samples) < 10000):
        if device.type == "cuda":
            start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            start.record()
            call()
            end.record()
            end.synchronize()
            samples.append(start.elapsed_time(end))
        else:
            before = time.perf_counter()
            call()
            samples.append(1e3 * (time.perf_counter() - before))
    samples.sort()
    count, reach = len(samples), 0.98 * math.sqrt(len(samples))

    def rank(value):
        return samples[min(max(int(value), 0), count - 1)]

    return rank(count // 2), rank(math.floor(count / 2 - reach)), rank(math.ceil(count / 2 + reach))


def systems(device):
    """Name, whether layer-normalised, data types, how to build it, and whether it runs as a graph."""
    yield "PyTorch nn.LSTM", False, ["f32", "f16", "bf16"], nn_lstm, False
    yield "PyTorch, eager", True, ["f32", "f16"], layer_normalised(lambda: loop), False
    yield "PyTorch, TorchScript", True, ["f32", "f16"], layer_normalised(lambda: torch.jit.script(loop)), False
    if device.type == "cuda":
        yield "PyTorch, compiled, graph", True, ["f32", "f16"], layer_normalised(compiled_step_loop), True


def row(letter, name, dtype, normalized, build, graph, mode, lnrnn, device, budget):
    steps, batch, inputs, hidden = SHAPES[letter]
    few = Problem((min(steps, 8), min(batch, 4), inputs, hidden), normalized)

    def prepare(problem):
        network = build(problem, device, DTYPES[dtype])
        call = getattr(network, mode)
        return network, as_graph(call) if graph else call

    network, call = prepare(few)
    call()
    error = network.error(lnrnn.run(few), mode)
    _, call = prepare(Problem(SHAPES[letter], normalized))
    median, low, high = measure(call, device, budget)
    return {
        "shape": letter, "steps": steps, "batch": batch, "input": inputs, "hidden": hidden, "mode": mode,
        "system": name, "dtype": dtype, "normalized": normalized, "median_ms": median, "low_ms": low,
        "high_ms": high, "error": error, "checked": error <= BOUNDS[dtype][mode == "training"],
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bundle", type=pathlib.Path, required=True)
    parser.add_argument("--library", required=True)
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--shapes", default="ABCDEF")
    parser.add_argument("--seconds", type=float, default=0.5)
    options = parser.parse_args()
    device = torch.device(options.device)
    # Products of f32 are products of f32 here as there.
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    versions = {"torch": torch.__version__, "torch_cuda": torch.version.cuda or "none",
                "cudnn": str(torch.backends.cudnn.version() or "none")}
    (options.out / "peers-versions.json").write_text(json.dumps(versions))

    lnrnn = Lnrnn(options.bundle, options.library, options.device)
    begin, good = time.monotonic(), True
    with open(options.out / "peers.jsonl", "w") as out:
        # C, the shape that the targets name, before all others: time may run out.
        for letter in sorted(set(options.shapes), key=lambda letter: (letter != "C", letter)):
            for name, normalized, dtypes, build, graph in systems(device):
                for dtype in dtypes:
                    for mode in ("inference", "training"):
                        what = f"{letter} {mode} {dtype} {name}"
                        if time.monotonic() - begin > DEADLINE_SECONDS:
                            print(f"{what}: left out, the time is up")
                            continue
                        try:
                            result = row(letter, name, dtype, normalized, build, graph, mode, lnrnn, device,
                                         options.seconds)
                        except RuntimeError as failure:
                            # Not every PyTorch can do everything. What it cannot do is no row.
                            print(f"{what}: left out, {str(failure).splitlines()[0]}")
                            continue
                        good &= result["checked"]
                        print(json.dumps(result), file=out, flush=True)
                        print(f"{what}: {result['median_ms']:.4f} ms, error {result['error']:.2g}", flush=True)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
