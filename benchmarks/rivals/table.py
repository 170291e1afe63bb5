"""Makes the table of benchmarks/README.md from the results of compare.py."""

import math
import statistics

# Group: rival → ratio of its time to ours that is wanted; a rival that is
# named by its beginning only. Rivals without a target are reported.
TARGETS = {
    "matmul": {"OpenBLAS": 1.2, "oneDNN": 0.95},
    "haswell": {"OpenBLAS": 0.9},
    "matmul64": {"OpenBLAS": 0.9},
    "peak": {"FMA peak": 0.88},
    "noasm": {"5 GFLOP/s a core": 1},
    "ops": {"PyTorch": 1.5},
    "attention": {"PyTorch 1.": 3, "PyTorch": 1.2},
    "train": {"PyTorch 1.": 1.4, "PyTorch": 1},
    "decode": {"PyTorch": 3},
    "mlp": {"GoMLX": 4},
    "encoder": {"GoMLX": 6.67},
}
WORST = 0.85  # of a single product, where the target is for their geometric mean
MEAN = ("matmul", "haswell", "matmul64")  # groups with such a target
NARROW = {"Decode/gpt-bf16": 1.5, "Decode/gpt-q8": 2}  # against our own float32


def flops(case):
    *batch, m, n, k = map(int, case.rsplit("/", 1)[1].split("x"))
    return 2 * math.prod(batch) * m * n * k


def target(group, rival):
    return next((r for name, r in TARGETS[group].items() if rival.startswith(name)), None)


def duration(ns):
    for unit, size in (("s", 1e9), ("ms", 1e6), ("µs", 1e3)):
        if ns >= size:
            return f"{ns / size:.3g} {unit}"
    return f"{ns:.3g} ns"


def spread(times):
    """How far the rounds lie apart, in percent of their median."""
    return 100 * (max(times) - min(times)) / statistics.median(times)


def pairs(group, result):
    """(case, threads, rival, our times, its times) of everything that can be compared."""
    for threads, programs in sorted(result["times"].items()):
        ours = programs.get("noema", {})
        if group == "peak":
            peak = min((t for times in programs.get("FMA peak", {}).values() for t in [times]), key=statistics.median, default=None)
            for case in ours if peak else ():
                yield case, threads, "FMA peak", ours[case], [t * flops(case) / 1e9 for t in peak]
            continue
        for case in ours:
            if group == "noasm":
                yield case, threads, "5 GFLOP/s a core", ours[case], [flops(case) / 5 / int(threads)] * len(ours[case])
            if case in NARROW:
                yield case, threads, "noema, float32", ours[case], ours["Decode/gpt"]
            for rival, times in programs.items():
                if rival == "noema" or case not in times:
                    continue
                theirs = times[case]
                if group == "decode":  # the better of one and two threads
                    theirs = min((p[rival][case] for p in result["times"].values() if case in p.get(rival, {})), key=statistics.median)
                yield case, threads, rival, ours[case], theirs


def mark(ratio, wanted):
    return "" if wanted is None else "yes" if ratio >= wanted else "**no**"


def means(rows):
    """Lines with the geometric mean and the worst of each rival and number of threads."""
    groups = {}
    for group, case, threads, rival, ratio in rows:
        if group in MEAN and (rival != "oneDNN" or min(map(int, case.rsplit("/", 1)[1].split("x"))) >= 256):
            groups.setdefault((group, rival, threads), []).append((ratio, case))
    for (group, rival, threads), found in sorted(groups.items()):
        mean = math.exp(statistics.mean(math.log(r) for r, _ in found))
        worst, where = min(found)
        wanted = target(group, rival)
        note = {"haswell": " (both on AVX2)", "matmul64": " (float64)"}.get(group, " (n ≥ 256)" if rival == "oneDNN" else "")
        floor = wanted if group != "matmul" else WORST
        if wanted is None:
            yield f"| {rival}{note} | {threads} | {mean:.2f} | | | {worst:.2f} {where} | | |"
        else:
            yield f"| {rival}{note} | {threads} | {mean:.2f} | {wanted} | {mark(mean, wanted)} | {worst:.2f} {where} | {floor} | {mark(worst, floor)} |"


def markdown(results):
    lines, rows = [], []
    for group, result in results["groups"].items():
        for case, threads, rival, ours, theirs in pairs(group, result):
            us, it = statistics.median(ours), statistics.median(theirs)
            ratio = it / us
            rows.append((group, case, threads, rival, ratio))
            wanted = NARROW.get(case) if rival == "noema, float32" else target(group, rival)
            if group in MEAN:
                wanted = None
            allocs = result["allocs"].get(case, "")
            kind = {"haswell": " (AVX2)", "noasm": " (noasm)"}.get(group, "")
            lines.append(f"| {case}{kind} | {threads} | {duration(us)} | {allocs} | {rival} | {duration(it)} | {ratio:.2f} | {wanted or ''} | {mark(ratio, wanted)} | {spread(ours):.0f} %, {spread(theirs):.0f} % |")
    head = [f"{results.get('machine', '')}."]
    for group, result in results["groups"].items():
        head.append(f"{group}: {result['date']}, commit {result['commit']}, {result['rounds']} rounds, at most {result['stolen']:.1%} stolen.")
    mean = list(means(rows))
    if mean:
        mean = ["", "Products: ratio of the rival's time to noema's, above 1 where noema is faster.", "", "| rival | threads | geometric mean | wanted | reached | worst | wanted | reached |", "| --- | --- | --- | --- | --- | --- | --- | --- |", *mean]
    return "\n".join([head[0], "", *(f"- {h}" for h in head[1:]), *mean, "", "Spread is the range of the rounds in percent of their median, noema's and the rival's.", "", "| work | threads | noema | allocations | rival | its time | ratio | wanted | reached | spread |", "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |", *lines])
