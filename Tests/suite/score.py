# SPDX-License-Identifier: Apache-2.0
"""Runs `serin verify` on every case of an expanded ONNX suite and says what passes.

    python score.py --binary serin --suite FOLDER [-o REPORT] [--markdown TABLE]
                    [--expected FILE | --accept FILE] [GROUP-OR-PATTERN ...]

A pattern is a group (`node`), a shell pattern over `group/case` (`node/test_gru*`), or one over the
case's name alone (`test_gru*`). With --expected, which lists `group/case reason` line by line, the exit
is 1 when a case fails that is not listed, or one passes that is; --accept writes that list anew and
keeps the reasons that somebody wrote, which start with "because".
"""

import argparse
import fnmatch
import json
import os
import re
import signal
import subprocess
import sys
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

GROUPS = ["node", "simple", "light", "pytorch-converted", "pytorch-operator"]
EXPECTED_HEAD = """\
# SPDX-License-Identifier: Apache-2.0
# Cases of the ONNX suite that do not pass, and why: `group/case reason`.
# `Tests/suite/run` fails when one passes or another fails; `Tests/suite/run --accept` writes it anew
# and keeps reasons that start with "because".\
"""
DOMAINS = ["ai.onnx", "ai.onnx.ml", "ai.onnx.preview", "ai.onnx.preview.training"]


def is_wanted(case, patterns):
    return not patterns or any(
        case.split("/")[0] == pattern
        or fnmatch.fnmatchcase(case, pattern)
        or fnmatch.fnmatchcase(case.split("/")[1], pattern)
        for pattern in patterns
    )


def find_cases(suite, patterns):
    found = [
        f"{group}/{folder.name}"
        for group in GROUPS
        for folder in sorted((suite / group).glob("*"))
        if (folder / "model.onnx").exists()
    ]
    return [case for case in found if is_wanted(case, patterns)]


def verify(binary, suite, case, seconds):
    """Runs one case; the reason why it fails, or None."""
    command = ["nice", binary, "verify", str(suite / case), "--json"]
    environment = {**os.environ, "SWIFT_BACKTRACE": "enable=no"}
    try:
        ran = subprocess.run(command, capture_output=True, timeout=seconds, env=environment)
    except subprocess.TimeoutExpired:
        return f"no answer within {seconds} s"
    if ran.returncode == 0:
        return None
    if ran.returncode < 0:
        last = ran.stderr.decode(errors="replace").strip().splitlines()
        name = signal.Signals(-ran.returncode).name
        return f"CRASH {name}: {last[-1] if last else 'nothing on stderr'}"
    try:
        report = json.loads(ran.stdout)
    except ValueError:
        text = (ran.stderr or ran.stdout).decode(errors="replace").strip()
        return f"exit {ran.returncode}: {text[:300]}"
    return first_problem(report)


def first_problem(report):
    if report.get("problem"):
        return report["problem"]
    for data_set in report.get("data_sets", []):
        if data_set["problem"]:
            return data_set["problem"]
        for output in data_set["outputs"]:
            if output["problem"]:
                return f"output '{output['name']}' {output['problem']}"
    return "failed without a reason"


def kind_of(reason):
    """The reason without what differs from case to case, so that alike failures fall together."""
    kind = re.sub(r"node '[^']*'|node \d+", "node", reason)
    kind = re.sub(r"\[[^\]]*\]", "[…]", kind)
    kind = re.sub(r"output '[^']*'", "output", kind)
    kind = re.sub(r"^output (\d+ of \d+ elements differ: )?element \d+ is .*", "other values", kind)
    return re.sub(r"-?\d+\.\d+(e[-+]?\d+)?", "…", kind)


def domain_of(suite, case):
    """The domain a case tests: that of its first node outside ai.onnx, else ai.onnx."""
    # Node domains stand in the file as plain text; longest name first, for one begins another.
    content = (suite / case / "model.onnx").read_bytes()
    for domain in sorted(DOMAINS, key=len, reverse=True):
        if domain != "ai.onnx" and domain.encode() in content:
            return domain
    return "ai.onnx"


def table(suite, cases, failures):
    """The score as Markdown: groups, and the domains of the node cases."""
    rows = []
    for group in GROUPS:
        inside = [case for case in cases if case.startswith(group + "/")]
        rows.append((f"`{group}`", inside))
        if group == "node":
            by_domain = defaultdict(list)
            for case in inside:
                by_domain[domain_of(suite, case)].append(case)
            rows += [(f"— {domain}", by_domain[domain]) for domain in DOMAINS]
    rows.append(("all", cases))
    lines = ["| group | cases | passed | |", "| --- | ---: | ---: | ---: |"]
    for name, inside in rows:
        if inside:
            passed = sum(case not in failures for case in inside)
            share = f"{100 * passed / len(inside):.1f} %"
            lines.append(f"| {name} | {len(inside)} | {passed} | {share} |")
    return "\n".join(lines) + "\n"


def details(failures):
    """Failing cases under their reasons, the commonest first."""
    kinds = defaultdict(list)
    for case, reason in sorted(failures.items()):
        kinds[kind_of(reason)].append(case)
    lines = []
    for kind, inside in sorted(kinds.items(), key=lambda item: (-len(item[1]), item[0])):
        lines.append(f"## {len(inside)}: {kind}")
        lines += [f"{case}: {failures[case]}" for case in inside] + [""]
    return "\n".join(lines) + "\n"


def read_expected(path):
    expected = {}
    for line in Path(path).read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            case, _, reason = line.partition(" ")
            expected[case] = reason.strip()
    return expected


def unexpected(cases, failures, expected):
    """What the list of expected failures did not foresee."""
    problems = [
        f"fails, but is not listed: {case}: {reason}"
        for case, reason in sorted(failures.items())
        if case not in expected
    ]
    problems += [
        f"is listed as failing, but passes: {case}"
        for case in cases
        if case in expected and case not in failures
    ]
    return problems


def accept(path, failures):
    """Lists what fails now, with the binary's reason where nobody wrote a better one."""
    expected = read_expected(path) if Path(path).exists() else {}
    lines = [EXPECTED_HEAD]
    for case, reason in sorted(failures.items()):
        written = expected.get(case, "")
        kept = written if written.startswith("because ") else " ".join(reason.split())
        lines.append(f"{case} {kept}")
    Path(path).write_text("\n".join(lines) + "\n")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", required=True)
    parser.add_argument("--suite", required=True, type=Path)
    parser.add_argument("-o", "--output", help="failing cases by reason, to this file")
    parser.add_argument("--markdown", help="the score as a Markdown table, to this file")
    parser.add_argument("--expected", help="the cases that are known to fail")
    parser.add_argument("--accept", help="write the list of cases that are known to fail")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=60, help="allowed to one case")
    parser.add_argument("patterns", nargs="*")
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    suite = arguments.suite
    cases = find_cases(suite, arguments.patterns)
    if not cases:
        sys.exit(f"no case matches {arguments.patterns} below {suite}")

    def run(case):
        return verify(arguments.binary, suite, case, arguments.seconds)

    with ThreadPoolExecutor(arguments.jobs) as pool:
        reasons = dict(zip(cases, pool.map(run, cases)))
    failures = {case: reason for case, reason in reasons.items() if reason is not None}

    score = table(suite, cases, failures)
    if arguments.markdown:
        Path(arguments.markdown).write_text(score)
    if arguments.output:
        Path(arguments.output).write_text(details(failures))
    elif not (arguments.expected or arguments.accept):
        print(details(failures), end="")
    print(score, end="")
    if arguments.accept:
        accept(arguments.accept, failures)
    if arguments.expected:
        problems = unexpected(cases, failures, read_expected(arguments.expected))
        print("\n".join(problems) or "as expected: every failure is listed with its reason")
        sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
