#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads the recorded exposition with Prometheus' own parser (PyPI: prometheus_client).

    python3 Tests/oracles/exposition.py Tests/TelemetryTests/Fixtures/exposition.txt
"""
import math
import sys

from prometheus_client.parser import text_string_to_metric_families

with open(sys.argv[1], encoding="utf-8", newline="") as file:
    families = {family.name: family for family in text_string_to_metric_families(file.read())}

samples = {}
for family in families.values():
    for sample in family.samples:
        key = (sample.name, tuple(sorted(sample.labels.items())))
        assert key not in samples, key
        samples[key] = sample.value


def value(sample, /, **labels):
    return samples[sample, tuple(sorted(labels.items()))]


assert families["serin_requests"].type == "counter"
assert families["serin_ready"].type == "gauge"
assert families["serin_ready"].documentation == "1 when ready; a \\ and a\nline end."
assert families["serin_request_duration_seconds"].type == "histogram"
assert "serin_nobody" not in families
assert value("serin_zero_total") == 0
assert value("serin_requests_total", model="diamonds", code="200") == 3
assert value("serin_requests_total", model="diamonds", code="400") == 0
assert value("serin_requests_total", model='quote " back \\ line \n end, {é}', code="200") == 1
assert value("serin_requests_total", model="scraped", code="200") == 1
assert value("serin_ready") == 1
assert math.isnan(value("serin_measure", name="nan"))
assert value("serin_measure", name="inf") == math.inf
assert value("serin_measure", name="minus") == -math.inf
assert value("serin_measure", name="third") == 1 / 3
assert value("serin_measure", name="small") == 1e-300
assert value("serin_measure", name="whole") == -123456789
duration = "serin_request_duration_seconds"
for bound, count in [("0.005", 2), ("0.1", 4), ("1", 5), ("+Inf", 7)]:
    assert value(duration + "_bucket", model="diamonds", le=bound) == count
    assert value(duration + "_bucket", model="idle", le=bound) == 0
assert value(duration + "_count", model="diamonds") == 7
assert abs(value(duration + "_sum", model="diamonds") - 1002.6111) < 1e-9
for bound, count in [("-2", 3), ("0.5", 4), ("1", 5), ("+Inf", 8)]:
    assert value("serin_feature_bucket", feature="carat", le=bound) == count, bound
print(f"{len(families)} families, {len(samples)} samples: as they should be")
