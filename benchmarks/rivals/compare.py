#!/usr/bin/env python3
"""Runs the benchmarks side by side with other libraries and writes a table.

    python3 benchmarks/rivals/compare.py                  # everything
    python3 benchmarks/rivals/compare.py matmul train     # some groups
    python3 benchmarks/rivals/compare.py -h

In every round each program runs once, one after the other, so that all of them
see the same machine; the table compares medians over the rounds. A run waits
for an idle machine, and is made again if the host took the processors away.
What is not installed is left out, with a line that says so. Results are kept in
results.json, group by group, and the table is made from all of them.
"""

import argparse
import datetime
import glob
import json
import os
import pathlib
import re
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import table

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CPU = pathlib.Path("/proc/cpuinfo").read_text()
AVX512 = "avx512f" in CPU

# Group: (Go benchmarks, threads, seconds a case).
GROUPS = {
    "matmul": ("MatMul/f32", (1, 2), 0.1),
    "haswell": ("MatMul/f32", (1, 2), 0.1),
    "matmul64": ("MatMul/f64", (1, 2), 0.1),
    "peak": ("MatMul/f32/nn/(256x256x256|512x512x512)", (1,), 0.2),
    "noasm": ("MatMul/f32/nn/512x512x512", (1, 2), 0.3),
    "ops": ("(Softmax|LogSoftmax|GELU|Exp|Add|LayerNorm|RMSNorm|CrossEntropy|AdamW)", (1, 2), 0.08),
    "attention": ("Attention", (1, 2), 0.15),
    "train": ("TrainStep", (1, 2), 1),
    "decode": ("Decode", (1, 2), 0.5),
    "mlp": ("MLPStep", (1, 2), 0.3),
    "encoder": ("EncoderStep", (1, 2), 0.3),
}
TORCH = ("matmul", "ops", "attention", "train", "decode", "mlp", "encoder")
PEERS = {"matmul": "MatMul/f32/nn/(256|512|1024)", "mlp": "MLPStep", "encoder": "EncoderStep"}
SQUARE64 = [f"MatMul/f64/nn/{n}x{n}x{n}" for n in (128, 256, 512, 1024, 2048)]


def say(*words):
    print(*words, file=sys.stderr, flush=True)


def steal():
    """The processor time so far, and how much of it the host took away."""
    fields = list(map(int, pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]))
    return sum(fields), fields[7]


def settle(limit=20):
    """Waits until the machine has been idle for a moment, or for limit seconds."""
    def busy():
        fields = list(map(int, pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]))
        return sum(fields) - fields[3] - fields[4], sum(fields)

    end = time.monotonic() + limit
    while time.monotonic() < end:
        work, total = busy()
        time.sleep(0.2)
        now, after = busy()
        if now - work <= 0.1 * (after - total):
            return
    say("  the machine is busy with something else")


UNDER = []  # a command that each program runs under
STOLEN = 0.01  # share of the time that the host may take before a run is made again


def run(command, env, limit=180):
    """The output of a command, run again (twice at most) if time was stolen."""
    for attempt in range(3):
        if not UNDER:
            settle()
        total, taken = steal()
        done = subprocess.run([*UNDER, *command], env={**os.environ, **env}, capture_output=True, text=True, timeout=limit)
        if done.returncode:
            raise RuntimeError(f"{shlex.join(map(str, command[:4]))}: {done.stderr.strip()[-300:]}")
        now, lost = steal()
        share = (lost - taken) / max(1, now - total)
        if share < STOLEN or attempt == 2:
            return done.stdout, share
        say(f"  {share:.1%} of the time was stolen; again")


class Go:
    """A compiled Go test program."""

    def __init__(self, name, folder, work, tags="", env=None, experiment=""):
        self.name, self.env = name, env or {}
        self.program = work / re.sub(r"\W", "_", f"{name}-{tags}")
        build = ["go", "test", "-c", "-o", str(self.program), "."] + (["-tags", tags] if tags else [])
        subprocess.run(build, cwd=folder, check=True, capture_output=True, text=True, env={**os.environ, "GOEXPERIMENT": experiment})

    def times(self, bench, threads, seconds):
        pattern = "/".join("^" + p for p in ("Benchmark" + bench).split("/"))
        # The median of five short measurements, as the other programs take that of all calls.
        out, stolen = run([self.program, "-test.run=^$", "-test.bench=" + pattern, f"-test.cpu={threads}", "-test.count=5", f"-test.benchtime={seconds / 5}s"], self.env)
        cases = {}
        for line in out.splitlines():
            m = re.match(r"Benchmark(\S+)\s+\d+\s+([\d.e+]+) ns/op(.*)", line)
            if m:
                name = m[1].removesuffix(f"-{threads}") if threads > 1 else m[1]
                allocs = re.search(r"(\d+) allocs/op", m[3])
                cases.setdefault(name, []).append((float(m[2]), allocs and int(allocs[1])))
        return {name: (statistics.median(ns for ns, _ in found), min((a for _, a in found if a is not None), default=None)) for name, found in cases.items()}, stolen


class Program:
    """A program that prints a case and its nanoseconds on each line."""

    def __init__(self, name, command, env):
        self.name, self.command, self.env = name, command, env

    def times(self, bench, threads, seconds):
        out, stolen = run(self.command(threads, seconds), self.env(threads))
        return {n: (float(t), None) for n, t in (line.split() for line in out.splitlines() if line and line[0] != "#")}, stolen


def shapes():
    """The products of the Go benchmarks."""
    source = (HERE.parent / "matmul_test.go").read_text()
    found = re.search(r"var products = .*?\n}\n", source, re.S)[0]
    sizes = re.findall(r'{"(..)", (\d+), (\d+), (\d+), (\d+)}', found)
    return [f"MatMul/f32/{layout}/" + (f"{b}x" if b != "1" else "") + f"{m}x{n}x{k}" for layout, b, m, n, k in sizes]


def first(*patterns):
    return next((f for p in patterns for f in sorted(glob.glob(p))), None)


def pytorch(python):
    """PyTorch as this interpreter has it, at its best settings, or None."""
    try:
        done = subprocess.run([python, "-W", "ignore", "-c", "import torch; print(torch.__version__)"], capture_output=True, text=True, timeout=60)
    except OSError as e:
        return say(f"no PyTorch: {e}")
    if done.returncode:
        return say(f"no PyTorch in {python}")
    version = re.match(r"\d+\.\d+", done.stdout)[0]
    # Debian's PyTorch 1.13 calls the system's BLAS: its threads must be OpenMP's, or two pools fight.
    blas = first("/usr/lib/*/openblas-openmp/libblas.so.3") if version.startswith("1.") else None

    def env(threads):
        e = {"OMP_NUM_THREADS": str(threads), "OPENBLAS_NUM_THREADS": str(threads), "OPENBLAS_CORETYPE": "SkylakeX" if AVX512 else "Haswell"}
        if AVX512:
            e["ATEN_CPU_CAPABILITY"] = "avx512"
        if blas and threads > 1:
            e["LD_PRELOAD"] = blas
        return e

    def program(group):
        return Program(f"PyTorch {version}", lambda t, s: [python, "-W", "ignore", HERE / "torchops.py", str(t), str(s), group], env)

    return program


def rivals(args, work):
    """For each group, the programs that take part; ours comes first."""
    parts = {g: [] for g in args.groups}

    def join(groups, program):
        for g in groups:
            if g in parts:
                parts[g].append(program(g) if callable(program) else program)

    bench = HERE.parent
    join((g for g in parts if g not in ("haswell", "noasm")), Go("noema", bench, work))
    if "haswell" in parts:
        join(["haswell"], Go("noema", bench, work, env={"GODEBUG": "cpu.avx512f=off"}))
    if "noasm" in parts:
        join(["noasm"], Go("noema", bench, work, tags="noasm"))

    gcc, blas = shutil.which("gcc"), work / "blas"
    if gcc:
        subprocess.run([gcc, "-O2", "-o", blas, HERE / "blas.c", "-ldl", "-lm"], check=True)
        openblas = first("/usr/lib/*/openblas-pthread/libopenblas.so.0", "/usr/lib*/libopenblas.so.0", "/usr/lib/*/libopenblas.so.0")
        dnnl = first("/usr/lib/*/libdnnl.so.2", "/usr/lib*/libdnnl.so.2")
        if openblas:
            def blasOf(core, cases):
                return Program("OpenBLAS", lambda t, s: [blas, openblas, str(s), *cases], lambda t: {"OPENBLAS_NUM_THREADS": str(t), "OPENBLAS_CORETYPE": core})
            best = "SkylakeX" if AVX512 else "Haswell"
            join(["matmul"], blasOf(best, shapes()))
            join(["haswell"], blasOf("Haswell", shapes()))
            join(["matmul64"], blasOf(best, SQUARE64))
        else:
            say("no OpenBLAS: left out")
        if dnnl:
            join(["matmul"], Program("oneDNN", lambda t, s: [blas, "dnnl", str(s), *shapes()], lambda t: {"OMP_NUM_THREADS": str(t)}))
        else:
            say("no oneDNN: left out")
        join(["peak"], Program("FMA peak", lambda t, s: [blas, "peak", str(s), "Peak/f32/avx2"] + (["Peak/f32/avx512"] if AVX512 else []), lambda t: {}))
    else:
        say("no gcc: OpenBLAS, oneDNN and the FMA peak are left out")

    for python in args.python:
        torch = pytorch(python)
        if torch:
            join(TORCH, torch)

    if any(g in parts for g in PEERS):
        try:
            peers = Go("peers", HERE.parent / "peers", work, experiment="simd")
            join(PEERS, peers)
        except subprocess.CalledProcessError as e:
            say("the Go peers do not build:", e.stderr.strip()[-300:])
    return parts


def compare(group, programs, rounds):
    """All the times of a group: threads → program → case → [ns of each round]."""
    bench, threads, seconds = GROUPS[group]
    result = {"date": datetime.date.today().isoformat(), "rounds": rounds, "stolen": 0.0, "times": {}, "allocs": {}}
    hung = set()  # (program, threads)
    for t in threads:
        for r in range(rounds):
            for p in list(programs):
                if (p, t) in hung:
                    continue
                try:
                    cases, stolen = p.times(PEERS[group] if p.name == "peers" else bench, t, seconds)
                except subprocess.TimeoutExpired:
                    say(f"{group}: {p.name} hangs with {t} thread{'s' * (t > 1)}: left out of them")
                    hung.add((p, t))
                    continue
                except RuntimeError as e:
                    say(f"{group}: {p.name} is left out: {e}")
                    programs.remove(p)
                    continue
                result["stolen"] = max(result["stolen"], stolen)
                for name, (ns, allocs) in cases.items():
                    who = p.name
                    if who == "peers":  # MLPStep/784-512-512-10/GoMLX
                        name, who = name.rsplit("/", 1)
                    result["times"].setdefault(str(t), {}).setdefault(who, {}).setdefault(name, []).append(ns)
                    if who == "noema" and allocs is not None:
                        result["allocs"][name] = allocs
            say(f"{group}: {t} thread{'s' * (t > 1)}, round {r + 1} of {rounds}")
    return result


def machine():
    model = re.search(r"model name\s*: (.*)", CPU)
    tiers = [f for f in ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile") if f in CPU.split()]
    return f"{model[1].strip() if model else 'unknown'}, {os.cpu_count()} cores ({' '.join(tiers)})"


def commit():
    done = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    return done.stdout.strip() or "unknown"


def main():
    global STOLEN
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"of {' '.join(GROUPS)}; none: all")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--python", action="append", help="an interpreter that has PyTorch; may be repeated (default: /usr/bin/python3)")
    parser.add_argument("--under", default="", help="run each program under this command, such as 'taskset -c 0,1' or a lock")
    parser.add_argument("--stolen", type=float, default=STOLEN, help="share of the time that the host may take before a run is made again (default: %(default)s)")
    parser.add_argument("--out", type=pathlib.Path, default=HERE.parent / "results.json")
    parser.add_argument("--readme", action="store_true", help="put the table into benchmarks/README.md")
    args = parser.parse_args()
    args.python = args.python or ["/usr/bin/python3"]
    args.groups = args.groups or list(GROUPS)
    unknown = set(args.groups) - set(GROUPS)
    if unknown:
        parser.error(f"no group {' '.join(unknown)}; there are {' '.join(GROUPS)}")

    STOLEN = args.stolen
    UNDER.extend(shlex.split(args.under))
    results = json.loads(args.out.read_text()) if args.out.exists() else {"groups": {}}
    with tempfile.TemporaryDirectory() as work:
        for g, programs in rivals(args, pathlib.Path(work)).items():
            results["groups"][g] = compare(g, programs, args.rounds) | {"commit": commit()}
            results["machine"] = machine()
            args.out.write_text(json.dumps(results, indent=1) + "\n")
    text = table.markdown(results)
    print(text)
    if args.readme:
        readme = HERE.parent / "README.md"
        before, _, rest = readme.read_text().partition("<!-- table -->\n")
        _, _, after = rest.partition("<!-- end -->")
        readme.write_text(f"{before}<!-- table -->\n{text}\n<!-- end -->{after}")


if __name__ == "__main__":
    main()
