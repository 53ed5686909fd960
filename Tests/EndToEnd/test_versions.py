# SPDX-License-Identifier: Apache-2.0
"""Versions come, answer, are taken back and go, and no request notices."""

import concurrent.futures
import contextlib
import json
import os
import shutil
import signal
import threading
import time

import pytest
import requests

from daemon import MODELS, Daemon, copy_models, golden, run

NAME = "diamonds-price"
ROW = golden(f"{NAME}/1")[0]["inputs"]
QUICK = {"versions": {"settle": "100ms", "poll": "1s"}, "canary": {"interval": "10s"}}


def quick(**more):
    return {**QUICK, **{name: {**QUICK.get(name, {}), **value} for name, value in more.items()}}


def version(daemon):
    answer = daemon.rows(NAME, [ROW])
    assert answer.status_code == 200, answer.text
    return int(answer.headers["serin-model-version"])


def price(daemon):
    return daemon.rows(NAME, [ROW]).json()["predictions"][0]


def wait_until(condition, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError(f"not so within {seconds} s")


def bring(models, number, name=NAME, from_number=None):
    """Copies an example version into the models folder, the manifest last."""
    source = MODELS / name / str(from_number or number)
    target = models / name / str(number)
    target.mkdir(parents=True)
    for file in sorted(source.iterdir(), key=lambda file: file.name == "artifact.json"):
        shutil.copy(file, target / file.name)
    if from_number:
        renumber(target, number)
    return target


def renumber(folder, number):
    manifest = json.loads((folder / "artifact.json").read_text())
    manifest["version"] = number
    (folder / "artifact.json").write_text(json.dumps(manifest))


def rehash(folder):
    """Lists the folder's files anew, as packing does."""
    import hashlib

    manifest = json.loads((folder / "artifact.json").read_text())
    for name, entry in manifest["files"].items():
        data = (folder / name).read_bytes()
        entry.update(sha256=hashlib.sha256(data).hexdigest(), bytes=len(data))
    (folder / "artifact.json").write_text(json.dumps(manifest))


def command(daemon, *words):
    return run(*words, "--operations-port", daemon.operations_port, "--state-directory", daemon.state)


def page(daemon):
    return daemon.operations("GET", f"/v1/models/{NAME}/versions").json()


def labels(daemon):
    return {row["version"]: row["labels"] for row in page(daemon)["versions"]}


@contextlib.contextmanager
def served(tmp_path, *numbers, settings=None):
    models = copy_models(tmp_path, *(f"{NAME}/{number}" for number in numbers))
    with Daemon(models, tmp_path, settings or QUICK) as daemon:
        yield daemon, models


def with_a_wrong_record(tmp_path):
    """Version 2 with a golden record that it does not give, beside the models folder."""
    staged = tmp_path / "staged"
    shutil.copytree(MODELS / NAME / "2", staged)
    lines = (staged / "golden.jsonl").read_text().splitlines()
    first = json.loads(lines[0])
    first["outputs"]["price"] *= 1.5
    (staged / "golden.jsonl").write_text("\n".join([json.dumps(first), *lines[1:]]) + "\n")
    rehash(staged)
    return staged


class Load:
    """Asks all the time from threads of its own, and keeps what was wrong."""

    def __init__(self, daemon, wanted, threads=4):
        self.daemon, self.wanted = daemon, wanted
        self.stop = threading.Event()
        self.count, self.wrong, self.seen = 0, [], set()
        self.pool = concurrent.futures.ThreadPoolExecutor(threads)
        self.threads = threads

    def ask(self):
        session = requests.Session()
        session.trust_env = False
        while not self.stop.is_set():
            answer = session.post(
                self.daemon.url(f"/v1/models/{NAME}:predict"), json={"instances": [ROW]}, timeout=10
            )
            self.count += 1
            number = answer.headers.get("serin-model-version")
            self.seen.add(number)
            right = (
                answer.status_code == 200
                and answer.headers["serin-served-by"] == "model"
                and answer.json()["predictions"][0] == self.wanted[int(number)]
            )
            if not right:
                self.wrong.append((answer.status_code, number, answer.text[:200]))

    def __enter__(self):
        self.futures = [self.pool.submit(self.ask) for _ in range(self.threads)]
        return self

    def __exit__(self, *_):
        self.stop.set()
        for future in self.futures:
            future.result(20)
        self.pool.shutdown()


@pytest.fixture(scope="module")
def prices(tmp_path_factory):
    """What each version answers for the row."""
    found = {}
    for number in (1, 2):
        with served(tmp_path_factory.mktemp("prices"), number) as (daemon, _):
            found[number] = price(daemon)
    assert found[1] != found[2]
    return found


def test_a_new_version_is_taken_up_by_itself_and_no_request_notices(tmp_path, prices):
    with served(tmp_path, 1) as (daemon, models), Load(daemon, prices) as load:
        wait_until(lambda: load.count > 50)
        bring(models, 2)
        wait_until(lambda: "2" in load.seen)
        wait_until(lambda: daemon.events("swap.confirmed"))
        assert labels(daemon) == {1: ["previous"], 2: ["stable"]}
        swap = daemon.events("swap.activated")[-1]["fields"]
        assert (swap["from"], swap["to"]) == (1, 2)
        assert daemon.get("/readyz").status_code == 200
    assert not load.wrong, load.wrong[:3]


def test_a_version_can_be_asked_by_number_and_by_label(tmp_path):
    with served(tmp_path, 1, 2) as (daemon, _):
        for text, number in (("1", "1"), ("2", "2"), ("stable", "2")):
            answer = daemon.post(f"/v1/models/{NAME}/versions/{text}:predict", {"instances": [ROW]})
            if answer.status_code == 404:
                answer = daemon.get(f"/v2/models/{NAME}/versions/{text}")
                assert answer.json()["properties"]["version"] == number
            else:
                assert answer.headers["serin-model-version"] == number
        assert daemon.get(f"/v2/models/{NAME}/versions/candidate").status_code == 404


def test_a_folder_that_is_still_being_copied_is_left_alone(tmp_path):
    with served(tmp_path, 1) as (daemon, models):
        target = models / NAME / "2"
        target.mkdir()
        # The manifest first, which nobody should do, and then file by file, slowly.
        files = sorted((MODELS / NAME / "2").iterdir())
        shutil.copy(MODELS / NAME / "2" / "artifact.json", target)
        for file in files:
            if file.name == "artifact.json":
                continue
            data = file.read_bytes()
            with open(target / file.name, "wb") as out:
                out.write(data[: len(data) // 2])
                out.flush()
                time.sleep(0.3)
                assert version(daemon) == 1
                out.write(data[len(data) // 2 :])
        wait_until(lambda: version(daemon) == 2)
        assert not daemon.events("model.refused")


@pytest.mark.parametrize("damage", ["flipped", "truncated manifest", "other name"])
def test_a_broken_version_is_refused_and_taken_when_it_is_mended(tmp_path, damage):
    with served(tmp_path, 1) as (daemon, models):
        staged = tmp_path / "staged"
        shutil.copytree(MODELS / NAME / "2", staged)
        good = {file.name: file.read_bytes() for file in staged.iterdir()}
        if damage == "flipped":
            data = bytearray(good["model.onnx"])
            data[len(data) // 2] ^= 1
            (staged / "model.onnx").write_bytes(data)
        elif damage == "truncated manifest":
            (staged / "artifact.json").write_bytes(good["artifact.json"][:100])
        else:
            (staged / "artifact.json").write_bytes(good["artifact.json"].replace(b"-price", b"-prize", 1))
        shutil.move(staged, models / NAME / "2")
        refused = wait_until(lambda: daemon.events("model.refused"))
        assert refused[0]["fields"]["version"] == 2
        assert version(daemon) == 1
        assert daemon.get("/readyz").status_code == 200
        row = next(row for row in page(daemon)["versions"] if row["version"] == 2)
        assert row["state"] == "UNAVAILABLE" and row["reason"]
        time.sleep(1.5)
        assert len(daemon.events("model.refused")) == 1, "told once for the same bytes"
        for name in ("model.onnx", "artifact.json"):
            (models / NAME / "2" / name).write_bytes(good[name])
        wait_until(lambda: version(daemon) == 2)


def test_a_version_whose_golden_records_fail_never_takes_traffic(tmp_path, prices):
    with served(tmp_path, 1) as (daemon, models), Load(daemon, prices) as load:
        staged = tmp_path / "staged"
        shutil.copytree(MODELS / NAME / "2", staged)
        records = [json.loads(line) for line in (staged / "golden.jsonl").read_text().splitlines()]
        records[3]["outputs"]["price"] *= 1.001
        (staged / "golden.jsonl").write_text("".join(json.dumps(row) + "\n" for row in records))
        rehash(staged)
        shutil.move(staged, models / NAME / "2")
        refused = wait_until(lambda: daemon.events("model.refused"))
        assert "record 3 gives price" in refused[0]["fields"]["reason"]
        assert labels(daemon) == {1: ["stable"], 2: []}
    assert load.seen == {"1"} and not load.wrong


def test_folders_that_vanish_change_nothing_of_what_serves(tmp_path):
    with served(tmp_path, 1, 2, settings=quick(integrity={"interval": "10ms"})) as (daemon, models):
        shutil.rmtree(models / NAME / "2")
        wait_until(lambda: daemon.events("version.folder_changed"))
        assert version(daemon) == 2
        shutil.rmtree(models)
        wait_until(lambda: daemon.events("models.unreadable"))
        assert version(daemon) == 2
        answer = daemon.rows(NAME, [ROW])
        assert answer.headers["serin-served-by"] == "model"
        assert daemon.get("/readyz").status_code == 200
        assert command(daemon, "rollback", NAME, "--reason", "v2 was wrong").returncode == 0
        assert version(daemon) == 1
        copy_models(tmp_path, f"{NAME}/1", f"{NAME}/2")
        wait_until(lambda: daemon.events("version.folder_restored"))


def test_other_bytes_under_a_served_number_are_told_and_taken_only_by_hand(tmp_path, prices):
    with served(tmp_path, 1, settings=quick(integrity={"interval": "10ms"})) as (daemon, models):
        old = models / NAME / "1"
        new = tmp_path / "new"
        shutil.copytree(MODELS / NAME / "2", new)
        renumber(new, 1)
        old.rename(tmp_path / "old")
        new.rename(old)
        wait_until(lambda: daemon.events("version.folder_changed"))
        assert price(daemon) == prices[1]
        assert daemon.get("/readyz").status_code == 200
        result = command(daemon, "load", NAME)
        assert result.returncode == 0, result.stderr
        assert price(daemon) == prices[2] and version(daemon) == 1
        wait_until(lambda: "what serves" not in daemon.get("/readyz?verbose").text)


def test_a_rollback_is_one_command_and_survives_a_restart(tmp_path, prices):
    with served(tmp_path, 1, 2) as (daemon, models):
        assert version(daemon) == 2
        with Load(daemon, prices) as load:
            wait_until(lambda: load.count > 20)
            result = command(daemon, "rollback", NAME, "--reason", "prices look wrong")
            assert result.returncode == 0, result.stderr
            assert version(daemon) == 1
            time.sleep(1.5)
        assert not load.wrong, load.wrong[:3]
        assert labels(daemon) == {1: ["stable"], 2: ["held"]}
        assert "version 1 answers" in result.stdout
        told = daemon.events("swap.rolled_back")[0]["fields"]
        assert (told["from"], told["to"], told["reason"]) == (2, 1, "prices look wrong")
        again = command(daemon, "rollback", NAME, "--reason", "further")
        assert again.returncode == 1 and "cannot go back from version 1" in again.stderr
        daemon.stop()
        daemon.start()
        assert version(daemon) == 1, "what was rolled back does not come back by itself"
        # The next version is another one, and is taken.
        bring(models, 3, from_number=2)
        wait_until(lambda: version(daemon) == 3)
        result = command(daemon, "promote", NAME, "2", "--reason", "it was right after all")
        assert result.returncode == 0, result.stderr
        assert version(daemon) == 2


def test_a_pinned_version_stays_whatever_arrives(tmp_path):
    with served(tmp_path, 1) as (daemon, models):
        result = command(daemon, "pin", NAME, "--reason", "freeze until Monday")
        assert result.returncode == 0 and "pinned to 1" in result.stdout
        bring(models, 2)
        wait_until(lambda: 2 in labels(daemon))
        assert version(daemon) == 1
        daemon.stop()
        daemon.start()
        assert version(daemon) == 1
        assert daemon.operations("GET", f"/v1/models/{NAME}/pin").json()["pin"]["reason"] == "freeze until Monday"
        assert command(daemon, "pin", NAME, "clear").returncode == 0
        assert version(daemon) == 2


def test_models_are_unloaded_and_loaded_by_the_protocols_calls(tmp_path):
    with served(tmp_path, 1) as (daemon, _):
        index = daemon.operations("POST", "/v2/repository/index", {}).json()
        assert index == [{"name": NAME, "version": "1", "state": "READY", "reason": ""}]
        assert daemon.operations("POST", f"/v2/repository/models/{NAME}/unload", {}, token=False).status_code == 401
        assert daemon.operations("POST", f"/v2/repository/models/{NAME}/unload", {}).status_code == 200
        answer = daemon.rows(NAME, [ROW])
        assert answer.status_code == 503 and "unloaded by an operator" in answer.json()["error"]
        assert daemon.operations("POST", "/v2/repository/index", {"ready": True}).json() == []
        # A series of what is gone would be told for ever as it was last.
        wait_until(lambda: 'version="1"' not in daemon.operations("GET", "/metrics").text)
        daemon.stop()
        daemon.wait = "started"
        daemon.start()
        assert daemon.rows(NAME, [ROW]).status_code == 503, "stays so across a restart"
        assert daemon.operations("POST", f"/v2/repository/models/{NAME}/load", {}).status_code == 200
        assert version(daemon) == 1
        missing = daemon.operations("POST", "/v2/repository/models/nobody/load", {})
        assert missing.status_code == 404 and "nobody" in missing.json()["error"]


@pytest.mark.parametrize(
    ("policy", "kept"), [("latest", [3]), ("2 latest", [2, 3]), ("listed 1 3", [1, 3]), ("3 latest", [1, 2, 3])]
)
def test_the_policy_says_which_versions_are_in_memory(tmp_path, policy, kept):
    models = copy_models(tmp_path, f"{NAME}/1", f"{NAME}/2")
    bring(models, 3, from_number=2)
    with Daemon(models, tmp_path, quick(versions={"policy": policy})) as daemon:
        assert sorted(labels(daemon)) == kept
        assert version(daemon) == 3


def test_a_policy_that_is_none_is_refused(tmp_path):
    settings = {"versions": {"policy": "newest", "models": ["tumour=0 latest"]}}
    (tmp_path / "serin.json").write_text(json.dumps(settings))
    result = run("serve", "--config", tmp_path / "serin.json", "--models", MODELS)
    assert result.returncode == 2
    assert "versions.policy: 'newest' is no policy" in result.stderr
    assert "versions.models: 'tumour=0 latest'" in result.stderr


def limit(daemon):
    """The memory limit that what is loaded needs."""
    return daemon.events("memory.budget")[-1]["fields"]["suggested_limit_bytes"]


def test_two_versions_that_do_not_fit_are_refused_before_anything_changes(tmp_path):
    with served(tmp_path / "probe", 1) as (daemon, _):
        one = limit(daemon)
    settings = quick() | {"memory_limit": one + (1 << 20)}
    with served(tmp_path / "beside", 1, settings=settings) as (daemon, models):
        bring(models, 2)
        reason = wait_until(lambda: daemon.events("model.refused"))[0]["fields"]["reason"]
        assert "beside" in reason and "versions.swap" in reason
        assert version(daemon) == 1
    settings = quick(versions={"swap": "drain"}) | {"memory_limit": one + (1 << 20)}
    with served(tmp_path / "drain", 1, settings=settings) as (daemon, models):
        bring(models, 2)
        wait_until(lambda: daemon.events("swap.draining"))
        wait_until(lambda: daemon.rows(NAME, [ROW]).headers.get("serin-model-version") == "2")
        assert [row["version"] for row in page(daemon)["versions"]] == [2]


@pytest.fixture(scope="module")
def tight(tmp_path_factory):
    """Settings with which one version fits, and swapping by draining."""
    with served(tmp_path_factory.mktemp("probe"), 1) as (daemon, _):
        return quick(versions={"swap": "drain"}) | {"memory_limit": limit(daemon) + (1 << 20)}


def wait_for_refusal(daemon, number, says):
    """Waits until a version is refused for a reason; one that was half copied may have another before."""
    wait_until(
        lambda: any(
            event["fields"]["version"] == number and says in event["fields"]["reason"]
            for event in daemon.events("model.refused")
        )
    )


def test_draining_does_not_take_a_pinned_or_a_promoted_version_away(tmp_path, tight):
    with served(tmp_path, 1, settings=tight) as (daemon, models):
        pin = f"/v1/models/{NAME}/pin"
        assert daemon.operations("PUT", pin, {"reason": "freeze"}).status_code == 200
        bring(models, 2)
        wait_for_refusal(daemon, 2, f"serin promote {NAME} 2")
        assert version(daemon) == 1
        assert daemon.operations("DELETE", pin).status_code == 200
        for number in (2, 1):
            body = {"version": number, "reason": "by hand"}
            answer = daemon.operations("POST", f"/v1/models/{NAME}/promote", body)
            assert answer.status_code == 200, answer.text
            assert version(daemon) == number
        daemon.process.kill()
        daemon.process.wait()
        daemon.start()
        assert version(daemon) == 1
        assert not daemon.events("swap.stuck")


def test_draining_does_not_pass_a_gradual_rollout_by(tmp_path, tight):
    settings = tight | {"rollout": {"mode": "gradual", "shadow_for": "1h"}}
    with served(tmp_path, 1, settings=settings) as (daemon, models):
        bring(models, 2)
        wait_for_refusal(daemon, 2, "memory")
        assert version(daemon) == 1 and not daemon.events("swap.draining")


@pytest.mark.parametrize("instead", [None, 2])
def test_draining_takes_nothing_away_that_could_not_come_back(tmp_path, tight, instead):
    with served(tmp_path, 1, settings=tight) as (daemon, models):
        shutil.rmtree(models / NAME / "1")
        if instead:
            bring(models, 1, from_number=instead)
        shutil.copytree(with_a_wrong_record(tmp_path), models / NAME / "2")
        wait_for_refusal(daemon, 2, "put them back")
        assert version(daemon) == 1 and not daemon.events("swap.draining")


def test_swaps_to_and_fro_under_load_lose_nothing(tmp_path, prices):
    count = int(os.environ.get("SERIN_SWAPS", "100"))
    with served(tmp_path, 1, 2) as (daemon, _), Load(daemon, prices) as load:
        for turn in range(count):
            if turn % 2 == 0:
                answer = daemon.operations("POST", f"/v1/models/{NAME}/rollback", {"reason": "turn"})
            else:
                answer = daemon.operations(
                    "POST", f"/v1/models/{NAME}/promote", {"version": 2, "reason": "turn"}
                )
            assert answer.status_code == 200, answer.text
        wait_until(lambda: load.count > 100)
    assert load.seen == {"1", "2"}
    assert not load.wrong, load.wrong[:3]


def test_a_rollback_needs_no_disk(tmp_path):
    with served(tmp_path, 1, 2) as (daemon, _):
        kept = daemon.state / "versions.json"
        kept.unlink()
        # A folder in its place: the file cannot be written, by root neither.
        (kept / "in-the-way").mkdir(parents=True)
        answer = daemon.operations("POST", f"/v1/models/{NAME}/rollback", {"reason": "wrong"})
        assert answer.status_code == 200 and answer.json()["kept"] is False
        assert version(daemon) == 1


def test_a_reload_takes_up_what_the_settings_say_now(tmp_path):
    with served(tmp_path, 1, 2) as (daemon, models):
        bring(models, 3, from_number=2)
        wait_until(lambda: version(daemon) == 3)
        wait_until(lambda: sorted(labels(daemon)) == [2, 3])
        configuration = daemon.folder / "serin.json"
        settings = json.loads(configuration.read_text())
        settings["versions"]["policy"] = "3 latest"
        configuration.write_text(json.dumps(settings))
        assert daemon.operations("POST", "/v1/reload").status_code == 200
        wait_until(lambda: sorted(labels(daemon)) == [1, 2, 3])
        assert version(daemon) == 3


OTHER = "tumour"


def orders(daemon):
    """What is in force for two models, as a restart must leave it."""
    found = {}
    for name in (NAME, OTHER):
        answer = daemon.operations("GET", f"/v1/models/{name}/versions").json()
        override = daemon.operations("GET", f"/v1/models/{name}/override").json()
        found[name] = (
            answer["active"], answer["pin"], override.get("mode"),
            [(row["version"], row["labels"]) for row in answer["versions"]],
        )
    return found


@pytest.fixture
def ordered(tmp_path):
    """A daemon with two models, one of which is rolled back and one pinned to its older version."""
    models = copy_models(tmp_path, f"{NAME}/1", f"{NAME}/2", f"{OTHER}/1")
    bring(models, 2, OTHER, from_number=1)
    with Daemon(models, tmp_path, QUICK) as daemon:
        reason = {"reason": "prices look wrong"}
        assert daemon.operations("POST", f"/v1/models/{NAME}/rollback", reason).status_code == 200
        pin = {"version": 1, "reason": "freeze"}
        assert daemon.operations("PUT", f"/v1/models/{OTHER}/pin", pin).status_code == 200
        for name in (NAME, OTHER):
            order = {"mode": "fallback", "reason": name, "by": "me", "expires_in": "1h"}
            answer = daemon.operations("PUT", f"/v1/models/{name}/override", order)
            assert answer.status_code == 200, answer.text
        yield daemon, models


def test_orders_for_every_model_survive_a_kill(ordered):
    daemon, _ = ordered
    before = orders(daemon)
    assert before[NAME][0] == before[OTHER][0] == 1
    for _ in range(2):
        daemon.process.kill()
        daemon.process.wait()
        daemon.start()
        assert orders(daemon) == before


def test_orders_survive_a_start_before_the_models_are_mounted(ordered):
    daemon, models = ordered
    before = orders(daemon)
    daemon.stop()
    elsewhere = models.rename(models.with_name("unmounted"))
    models.mkdir()
    daemon.wait = None
    daemon.start()
    daemon.wait_for("/livez")
    # One model comes first, and what is written for it must not cost the other's orders.
    for name in (OTHER, NAME):
        (elsewhere / name).rename(models / name)
        wait_until(lambda: daemon.get(f"/v2/models/{name}").status_code == 200)
        answer = daemon.operations("DELETE", f"/v1/models/{name}/override")
        assert answer.status_code == 200
    wait_until(lambda: {name: part[0] for name, part in orders(daemon).items()} == {NAME: 1, OTHER: 1})
    wait_until(lambda: (2, ["held"]) in orders(daemon)[NAME][3])
    assert orders(daemon)[OTHER][1] == before[OTHER][1]


@pytest.mark.parametrize("half", ['{"diamonds-price": {"active": 1, "held": 7, "pin"', "", "[1]"])
def test_state_that_is_damaged_is_told_and_kept_aside(tmp_path, half):
    with served(tmp_path, 1, 2) as (daemon, _):
        daemon.stop()
        (daemon.state / "versions.json").write_text(half)
        daemon.start()
        assert version(daemon) == 2
        (told,) = daemon.events("state.damaged")
        assert told["fields"]["file"] == str(daemon.state / "versions.json.damaged")
        assert (daemon.state / "versions.json.damaged").read_text() == half


def test_state_of_versions_that_are_not_there_is_as_good_as_none(tmp_path):
    with served(tmp_path, 1, 2) as (daemon, _):
        daemon.stop()
        (daemon.state / "versions.json").write_text('{"diamonds-price": {"active": 99, "previous": -1}}')
        daemon.start()
        assert version(daemon) == 2


def test_a_breaker_tripped_by_hand_is_so_for_versions_to_come(tmp_path):
    with served(tmp_path, 1) as (daemon, models):
        path = f"/v1/models/{NAME}/breaker"
        order = {"action": "trip", "reason": "looks wrong"}
        assert daemon.operations("POST", path, order).json()["breaker"] == {"1": "forced_open"}
        bring(models, 2)
        wait_until(lambda: version(daemon) == 2)
        answer = daemon.rows(NAME, [ROW])
        assert (answer.headers["serin-served-by"], answer.headers["serin-decision"]) == ("fallback", "breaker")
        told = daemon.events("breaker.forced_open")
        assert [event["fields"]["version"] for event in told] == [1, 2]
        assert told[1]["fields"]["reason"].endswith(": looks wrong")
        for verb in ("unload", "load"):
            assert daemon.operations("POST", f"/v2/repository/models/{NAME}/{verb}", {}).status_code == 200
        daemon.stop()
        daemon.start()
        assert daemon.rows(NAME, [ROW]).headers["serin-decision"] == "breaker"
        moved = daemon.operations("POST", path, {"action": "reset", "reason": "mended"}).json()["breaker"]
        assert moved == {"1": "closed", "2": "closed"}
        assert daemon.rows(NAME, [ROW]).headers["serin-decision"] == "ok"
        bring(models, 3, from_number=2)
        wait_until(lambda: version(daemon) == 3)
        assert daemon.rows(NAME, [ROW]).headers["serin-decision"] == "ok"


def test_a_version_refused_for_its_golden_records_leaves_no_series(tmp_path):
    with served(tmp_path, 1) as (daemon, models):
        shutil.move(with_a_wrong_record(tmp_path), models / NAME / "2")
        [refused] = wait_until(lambda: daemon.events("model.refused"))
        assert "golden" in refused["fields"]["reason"]
        text = daemon.operations("GET", "/metrics", token=False).text
        assert f'model="{NAME}",version="1"' in text and 'version="2"' not in text
        answer = daemon.operations("POST", f"/v1/models/{NAME}/promote", {"version": 2, "reason": "x"})
        assert (answer.status_code, answer.json()["code"]) == (409, "version_not_right")
        assert "is refused: " in answer.json()["error"] and "golden" in answer.json()["error"]
        assert command(daemon, "promote", NAME, 2, "--reason", "x").returncode == 1
        assert 'version="2"' not in daemon.operations("GET", "/metrics", token=False).text
        assert version(daemon) == 1


@pytest.mark.parametrize("file, half", [
    ("overrides.json", {"mode": "fallback", "reason": "odd", "by": "mira", "since": 0, "qxpires": 4102444800}),
    ("overrides.json", None),
    ("versions.json", {"active": 2, "pim": {"version": 2, "reason": "keep", "by": "mira"}}),
    ("versions.json", []),
    ("breakers.json", 5),
])
def test_state_of_a_model_that_is_not_as_written_is_told(tmp_path, file, half):
    with served(tmp_path, 1, 2) as (daemon, _):
        assert not daemon.events("state.damaged")
        daemon.stop()
        (daemon.state / file).write_text(json.dumps({NAME: half}))
        daemon.start()
        assert version(daemon) == 2
        (told,) = daemon.events("state.damaged")
        assert told["fields"]["file"] == str(daemon.state / file)
        assert NAME in told["fields"]["problem"] and json.dumps(half)[:8] in told["fields"]["problem"]


def test_no_older_version_takes_the_place_of_one_whose_file_changed(tmp_path):
    with served(tmp_path, 1, 2) as (daemon, models):
        assert version(daemon) == 2
        swaps = daemon.events("swap.activated")
        file = models / NAME / "2" / "model.onnx"
        good = file.read_bytes()
        with file.open("r+b") as opened:
            opened.seek(len(good) // 2)
            opened.write(bytes([good[len(good) // 2] ^ 1]))
        wait_until(lambda: daemon.events("integrity.failed"))
        daemon.process.send_signal(signal.SIGHUP)
        time.sleep(2.5)
        assert version(daemon) == 2 and daemon.events("swap.activated") == swaps
        assert daemon.rows(NAME, [ROW]).headers["serin-decision"] == "integrity"
        assert daemon.get("/readyz").status_code == 503
        assert command(daemon, "rollback", NAME, "--reason", "the file changed").returncode == 0
        assert version(daemon) == 1
        assert daemon.rows(NAME, [ROW]).headers["serin-served-by"] == "model"


def test_requests_for_an_unloaded_model_are_counted_as_its_own(tmp_path):
    with served(tmp_path, 1) as (daemon, _):
        assert command(daemon, "unload", NAME).returncode == 0
        for _ in range(3):
            assert daemon.rows(NAME, [ROW]).status_code == 503
        text = daemon.operations("GET", "/metrics", token=False).text
        counted = [line for line in text.splitlines() if line.startswith("serin_requests_total") and 'code="503"' in line]
        [line] = [line for line in counted if not line.endswith(" 0")]
        assert f'model="{NAME}"' in line and line.endswith(" 3")

