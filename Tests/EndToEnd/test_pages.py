# SPDX-License-Identifier: Apache-2.0
"""The pages name what there is, all of it and nothing else: metrics, events, error codes, paths, flags, links, files."""

import json
import re
import shlex
import shutil
import socket
import subprocess

import pytest
from certificates import Authority
from daemon import ROOT, Daemon, copy_models, run
from test_first_model import python

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "Models" / "README.md", ROOT / "CHANGELOG.md"]
SOURCES = {path: path.read_text(encoding="utf-8") for path in sorted((ROOT / "Sources").rglob("*.swift"))}


def page(name):
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def section(text, start, end=None):
    text = text.split(f"\n{start}\n", 1)[1]
    return text.split(f"\n{end}\n", 1)[0] if end else text


def rows(text):
    """The cells of the tables in a text, but for their heads."""
    for line in text.splitlines():
        if line.startswith("| ") and not line.startswith("| ---"):
            yield [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def ticked(cell):
    return re.findall(r"`([^`]+)`", cell)


def named(text):
    """What the first columns of the tables name."""
    return {name for cells in rows(text) for name in ticked(cells[0])}


def cases(path, start, end):
    """The words of an enumeration."""
    body = section(SOURCES[ROOT / "Sources" / path], start, end)
    return {word or name for name, word in re.findall(r'^    case (\w+)(?: = "(\w+)")?$', body, re.M)}


def labels(family):
    """The names of the labels that are exposed."""
    return set(re.findall(r'[{,](\w+)="', family)) - {"le"}


def test_metrics(tmp_path):
    documented = {}
    for cells in rows(section(page("metrics.md"), "## Metrics", "## Events")):
        for name in ticked(cells[0]):
            documented[name] = (cells[1], set(ticked(re.sub(r"\([^)]*\)", "", cells[2]))))
    authority = Authority(tmp_path)
    tls = {"certificates": [authority.issue("server").setting]}
    models = copy_models(tmp_path, "diamonds-price/1", "diamonds-price/2")
    with Daemon(models, tmp_path, {"tls": tls}, wait=None) as daemon:
        daemon.session.verify = str(authority.pem)
        daemon.wait_for("/readyz")
        # What is there once it was needed: a rollout that ended, a request that no route takes, one that is none.
        order = "/v1/models/diamonds-price/rollout"
        assert daemon.operations("PUT", order, {"version": 1, "reason": "try"}).status_code == 200
        assert daemon.operations("DELETE", order).status_code == 200
        daemon.get("/nothing")
        with socket.create_connection(("127.0.0.1", daemon.operations_port)) as link:
            link.sendall(b"nothing\r\n\r\n")
            link.recv(1)
        text = daemon.session.get(f"http://127.0.0.1:{daemon.operations_port}/metrics", timeout=10).text
    exposed = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M))
    assert set(exposed) == set(documented)
    for name, kind in exposed.items():
        family = [line for line in text.splitlines() if re.match(rf"{name}(_bucket|_sum|_count)?[{{ ]", line)]
        assert documented[name][0] == kind, name
        if family:
            assert labels("\n".join(family)) == documented[name][1], name


# Texts of this form that are no events: settings, files, threads, keys of a contract.
OTHERS = re.compile(r"serin\.|.*\.(json|jsonl|sig|token|onnx|lock)$|canary\.when_failing$|drift\.then$|operations\.tls$")


def test_events():
    told = set()
    for path, source in SOURCES.items():
        if path.relative_to(ROOT / "Sources").parts[0] in ("Serving", "Telemetry"):
            told |= set(re.findall(r'"([a-z]+\.[a-z_]+)"', source))
    told = {name for name in told - named(page("configuration.md")) if not OTHERS.match(name)}
    assert told == named(section(page("metrics.md"), "## Events"))


def test_error_codes():
    documented = {
        name
        for cells in rows(section(page("http.md"), "## Errors", "## TLS"))
        for cell in cells[:2]
        for name in ticked(cell)
    }
    source = "\n".join(SOURCES.values())
    answered = set(re.findall(r'\b(?:Failure|Refusal)\(\s*[45]\d\d,\s*"(\w+)"', source))
    answered |= set(re.findall(r'static let \w*[cC]ode = "(\w+)"', source))
    answered |= cases(
        "Guards/Violation.swift",
        "package enum ViolationCode: String, Sendable, CaseIterable {",
        "/// One thing that is wrong with a request, in the form that an error's `details` list.",
    )
    # What is thrown where nothing else is caught; nobody gets it.
    assert answered - {"malformed"} == documented


def test_checks_and_guards():
    readiness = SOURCES[ROOT / "Sources" / "Serving" / "Lifecycle" / "Readiness.swift"]
    checks = {name.split(":")[0] for name in named(section(page("http.md"), "## Probes", "## Errors"))}
    assert {name for name in checks if "/" not in name} == set(re.findall(r'name: "(\w+)[":]', readiness))
    guards = cases(
        "Guards/GuardName.swift",
        "package enum GuardName: String, Sendable, CaseIterable {",
        "    /// The place in `allCases`.",
    )
    assert named(page("guards.md").split("\n## ")[0]) == guards - {"ok"}


def paths(text):
    """The method and path of each call in the first column of the tables."""
    for cells in rows(text):
        before = ""
        methods = re.findall(r"\b(?:GET|POST|PUT|DELETE)\b", cells[0])
        for path in re.findall(r"[/…][\w/{}.:\[\]-]*", re.sub(r"[`,?]|N=|since=", " ", cells[0])):
            if path.startswith("…"):
                path = before.rsplit("/", 1)[0] + path[1:]
            elif path.startswith("/"):
                before = path
            for whole in {re.sub(r"\[.*?\]", "", path), re.sub(r"[\[\]]", "", path)}:
                yield from ((method, whole) for method in methods)


def template(path):
    """The same for a path that names a model, a version or a check."""
    path = re.sub(r"\{\w+\}", "{}", path)
    path = re.sub(r"(/v[12]/models/)(?!stats$|\{)[\w-]+", r"\1{}", path)
    return re.sub(r"/versions/\d+", "/versions/{}", path)


def test_paths(serin):
    text = page("http.md")
    inference = section(text, "## Inference port", "### Rows")
    operations = section(text, "## Operations port", "## Probes")
    written = {(method, template(path)) for method, path in paths(inference)}
    document = serin.get("/openapi.json").json()["paths"]
    served = {
        (method.upper(), template(path)) for path, calls in document.items() for method in calls if method != "head"
    }
    assert {call for call in served if call[0] in ("GET", "POST")} == written
    source = SOURCES[ROOT / "Sources" / "Serving" / "Endpoints" / "OperationsRoute.swift"]
    added = {
        (method.upper(), template(path)) for method, path in re.findall(r'router\.add\(\.(\w+), "([^"]+)"', source)
    }
    assert added == {(method, template(path)) for method, path in paths(operations)}
    for port, calls in ((serin.port, paths(inference)), (serin.operations_port, paths(operations))):
        for method, path in calls:
            path = path.replace("{m}", "tumour").replace("{v}", "1").replace("{check}", "models")
            answer = serin.session.options(serin.url(path, port), timeout=10)
            assert answer.status_code == 204 and method in answer.headers["allow"].split(", "), (method, path)


@pytest.fixture(scope="module")
def flags():
    """Each command's flags, settings among them."""
    listed = re.findall(r"^  (\w+)  +\S", run("--help").stdout, re.M)
    found = {name: set(re.findall(r"^  (--[\w-]+)", run(name, "--help").stdout, re.M)) for name in listed}
    assert len(found) > 20 and all(found.values())
    return found


def test_every_flag_is_on_a_page(flags):
    text = "\n".join(each.read_text(encoding="utf-8") for each in PAGES)
    written = set(re.findall(r"(?<![\w-])--[a-z0-9][a-z0-9-]*", text))
    settings = {f"--{re.sub('[._]', '-', name)}" for name in named(page("configuration.md"))}
    for name, all_of_it in flags.items():
        assert not all_of_it - written - settings, name


def blocks(text, *languages):
    """What stands between fences that name one of the languages."""
    fenced = re.findall(r"^ *```(\w*)\n(.*?)^ *```$", text, re.M | re.S)
    return [block for language, block in fenced if language in languages]


def commands(text):
    """What the examples type, continued lines joined."""
    for block in blocks(text, "", "console", "sh"):
        for line in re.sub(r"\\\n\s*", "", block).splitlines():
            line = line.strip().removeprefix("$ ")
            for part in re.split(r" && | \| ", line):
                words = re.sub(r"^(\w+=\S+ )+", "", part)
                if words.startswith("serin ") and not re.match(r"serin(_| pack:| \d)", words):
                    yield words


def test_every_command_of_the_pages_takes_its_flags(flags):
    count = 0
    for each in PAGES:
        for line in commands(each.read_text(encoding="utf-8")):
            words = shlex.split(line, comments=True)
            assert words[1] in flags, f"{each.name}: {line}"
            typed = {word.split("=")[0] for word in words if word.startswith("--")}
            assert typed <= flags[words[1]], f"{each.name}: {line}"
            count += 1
    assert count > 40


def anchors(text):
    """The anchors of a page's headings, as GitHub makes them."""
    text = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    for heading in re.findall(r"^#+ (.*)$", text, re.M):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").lower()
        yield re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name if path.name != "README.md" else path.parent.name)
def test_links_lead_somewhere(path):
    text = path.read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)):
        if link.startswith(("http://", "https://")):
            continue
        file, _, anchor = link.partition("#")
        target = path.parent / file if file else path
        assert target.exists(), link
        assert not anchor or anchor in anchors(target.read_text(encoding="utf-8")), link


def test_source_files_that_pages_name_are_there():
    there = {str(path.relative_to(ROOT)) for path in (ROOT / "Sources").rglob("*") if path.is_file()}
    for path in PAGES:
        for name in re.findall(r"`([\w/+]+\.(?:swift|c|h))`", path.read_text(encoding="utf-8")):
            assert any(file.endswith(f"/{name}") for file in there), f"{path.name}: {name}"


def test_the_page_on_ones_own_model_is_a_session_that_works(tmp_path):
    text = page("own-model.md")
    (tmp_path / "train.py").write_text(blocks(text, "python")[0], encoding="utf-8")
    shown = "\n".join(blocks(text, ""))
    (tmp_path / "rows.csv").write_text(shown.split("$ cat rows.csv\n")[1].split("$ ")[0], encoding="utf-8")
    typed = [line[2:] for line in re.sub(r"\\\n\s*", "", shown).splitlines() if line.startswith("$ ")]
    printed = {}
    for line in typed:
        words = shlex.split(line)
        if words[0] == "python3":
            subprocess.run([python(), *words[1:]], cwd=tmp_path, check=True, timeout=120)
        elif words[0] == "rm":
            shutil.rmtree(tmp_path / words[2])
        elif words[:2] in (["serin", "pack"], ["serin", "predict"], ["serin", "plan"]):
            if "--environment" in words:
                (tmp_path / "requirements.lock").write_text(f"scikit-learn==1.9.1 --hash=sha256:{'0' * 64}\n")
            if "--edit" in words and "--key" not in words:
                contract = tmp_path / words[3] / "contract.json"
                contract.write_text(contract.read_text().replace('"range": [0, 9]', '"range": [0, 8.5]'))
            done = run(*words[1:], cwd=tmp_path)
            assert done.returncode == 0, f"{line}\n{done.stderr}"
            printed[line] = done.stdout
        elif words[:2] == ["serin", "sign"]:
            assert run(*words[1:], cwd=tmp_path).returncode == 0, line
        elif words[:2] == ["serin", "serve"]:
            with Daemon(tmp_path / words[3], tmp_path / "daemon") as daemon:
                row = json.loads(re.search(r"-d '(\{.*?\})'", shown, re.S)[1])
                answer = daemon.post("/v1/models/petal-width:predict", row).json()
            version = answer["parameters"]["serin-model-version"]
            assert f'"serin-model-version":"{version}"' in shown
    assert len(printed) == 5 and printed[typed[-1]].endswith("own/petal-width/3: packed, production\n")
    # Lines that have no figure of the machine stand in the page.
    for line in "\n".join(printed.values()).splitlines():
        if line.split()[:1] and line.split()[0] in ("sepal_length", "species", "changed:", "row", "fallback"):
            assert line.strip() in shown, line
