// SPDX-License-Identifier: Apache-2.0
import Platform
import Telemetry
import Testing

@Suite struct MetricsRegistryTests {
    /// The fixture was read by Prometheus' own parser; see `Tests/oracles/exposition.py`.
    @Test func `the text is the one that Prometheus reads`() throws {
        let registry = MetricsRegistry()
        let requests = registry.counter(
            "serin_requests_total",
            "Requests by model and code.",
            labels: ["model", "code"]
        )
        let ready = registry.gauge("serin_ready", "1 when ready; a \\ and a\nline end.")
        let measures = registry.gauge("serin_measure", "Odd values.", labels: ["name"])
        let duration = registry.histogram(
            "serin_request_duration_seconds",
            "Duration.",
            labels: ["model"],
            buckets: [0.005, 0.1, 1]
        )
        let bins = registry.histogram("serin_feature", "Bins.", labels: ["feature"], buckets: [])
        _ = registry.counter("serin_nobody_total", "Has labels and no children.", labels: ["x"])
        _ = registry.counter("serin_zero_total", "Counts from the start.")
        requests.with("diamonds", "200").add(3)
        _ = requests.with("diamonds", "400")
        requests.with("quote \" back \\ line \n end, {é}", "200").add()
        ready.with().set(true)
        for (name, value) in [
            ("nan", Double.nan), ("inf", .infinity), ("minus", -.infinity), ("zero", -0.0),
            ("small", 1e-300), ("large", 1e300), ("third", 1.0 / 3), ("whole", -123_456_789),
        ] { measures.with(name).set(value) }
        for value in [0.001, 0.005, 0.0051, 0.1, 0.5, 2, 1000] {
            duration.with("diamonds").observe(value)
        }
        _ = duration.with("idle")
        let carat = bins.with(["carat"], buckets: [1, 0.5, 0.5, .nan, -2, .infinity])
        for value in [-3, -2, 0.5, 0.7, 5, .nan, .infinity, -.infinity] { carat.observe(value) }
        registry.onScrape { requests.with("scraped", "200").add() }

        let folder = #filePath.split(separator: "/").dropLast().joined(separator: "/")
        let path = "/\(folder)/Fixtures/exposition.txt"
        let text = String(decoding: registry.exposition(), as: UTF8.self)
        #expect(text == String(decoding: try readFile(path: path, limit: 1 << 20), as: UTF8.self))
        #expect(complaints(text) == [])
    }

    @Test func `a family asked for again is the same`() {
        let registry = MetricsRegistry()
        let one = registry.counter("a_total", "A.", labels: ["x"])
        let other = registry.counter("a_total", "A.", labels: ["x"])
        #expect(one === other)
        one.with("1").add()
        #expect(other.with("1").value == 1)
        #expect(other.with(["1"]) === one.with("1"))
    }

    @Test func `two metrics of one name are a broken promise`() async {
        await #expect(processExitsWith: .failure) {
            let registry = MetricsRegistry()
            _ = registry.counter("a_total", "A.", labels: ["x"])
            _ = registry.counter("a_total", "A.", labels: ["y"])
        }
        await #expect(processExitsWith: .failure) {
            _ = MetricsRegistry().counter("a", "A counter's name ends in _total.")
        }
        await #expect(processExitsWith: .failure) {
            _ = MetricsRegistry().gauge("1a", "No name.")
        }
    }

    @Test func `counting from many threads loses nothing`() async {
        let registry = MetricsRegistry()
        let counter = registry.counter("a_total", "A.").with()
        let gauge = registry.gauge("b", "B.").with()
        let histogram = registry.histogram("c", "C.", buckets: [1, 2]).with()
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<4 {
                group.addTask {
                    for _ in 0..<10_000 {
                        counter.add()
                        gauge.add(0.5)
                        histogram.observe(Double(task))
                    }
                }
            }
        }
        #expect(counter.value == 40_000)
        #expect(gauge.value == 20_000)
        #expect(histogram.snapshot.counts == [20_000, 10_000, 10_000])
        #expect(histogram.snapshot.sum == 60_000)
        #expect(histogram.snapshot.count == 40_000)
    }

    @Test func `label values without end share one child`() {
        let registry = MetricsRegistry()
        let family = registry.counter("a_total", "A.", labels: ["x"])
        for number in 0..<5000 { family.with("\(number)").add() }
        let text = String(decoding: registry.exposition(), as: UTF8.self)
        #expect(text.contains("a_total{x=\"_other\"} 3000\n"))
        #expect(text.split(separator: "\n").count == 2 + 2001)
        family.remove { $0 != ["7"] }
        #expect(
            registry.exposition()
                == Array("# HELP a_total A.\n# TYPE a_total counter\na_total{x=\"7\"} 1\n".utf8)
        )
    }

    @Test func `values of a list count as one by one, where they are marked`() {
        let values = [-1, 0.5, 1, 1.25, 7, .nan, .infinity, -.infinity, 3]
        let family = MetricsRegistry().histogram("a", "A.", labels: ["x"], buckets: [1, 2, 4])
        let (list, single) = (family.with("list"), family.with("single"))
        for skipped in values.indices {
            var isMarked = values.map { _ in true }
            isMarked[skipped] = false
            list.observe(values.span, where: isMarked.span)
            for index in values.indices where isMarked[index] { single.observe(values[index]) }
        }
        // Sums of quarters are exact in any order.
        #expect(list.snapshot == single.snapshot)
        #expect(list.snapshot.sum == 8 * 11.75)
        #expect(list.snapshot.counts == [32, 8, 8, 24])
    }

    @Test func `quantiles are interpolated in their bucket`() {
        let histogram = MetricsRegistry().histogram("a", "A.", buckets: [1, 2, 4]).with()
        #expect(histogram.snapshot.quantile(0.5) == nil)
        for value in [0.5, 1.5, 1.5, 3] { histogram.observe(value) }
        #expect(histogram.snapshot.quantile(0.25) == 1)
        #expect(histogram.snapshot.quantile(0.5) == 1.5)
        #expect(histogram.snapshot.quantile(1) == 4)
        histogram.observe(100)
        #expect(histogram.snapshot.quantile(1) == 4)
        histogram.observe(.milliseconds(1500))
        #expect(histogram.snapshot.counts == [1, 3, 1, 1])
    }

    @Test func `the process tells of itself`() throws {
        let registry = MetricsRegistry()
        registerProcessMetrics(in: registry)
        let text = String(decoding: registry.exposition(), as: UTF8.self)
        #expect(complaints(text) == [])
        func value(_ name: String) throws -> Double {
            let line = try #require(text.split(separator: "\n").first { $0.hasPrefix(name + " ") })
            return try #require(Double(line.dropFirst(name.count + 1)))
        }
        #expect(try value("process_resident_memory_bytes") > 1_000_000)
        #expect(try value("process_virtual_memory_bytes") > 1_000_000)
        #expect(try value("process_open_fds") >= 3)
        #expect(try value("process_cpu_seconds_total") >= 0)
        #expect(try value("process_threads") >= 1)
        let age =
            Double(WallClock.now().microseconds) / 1e6 - (try value("process_start_time_seconds"))
        #expect(age > -2 && age < 86_400)
    }

    @Test func `series of what is gone are forgotten, and others stay`() {
        let registry = MetricsRegistry()
        let labels = ["model", "code", "version"]
        let requests = registry.counter("requests_total", "R.", labels: labels)
        let depth = registry.gauge("depth", "D.", labels: ["model"])
        requests.with(["a", "200", "1"]).add(1)
        requests.with(["a", "200", "2"]).add(1)
        requests.with(["b", "200", "1"]).add(1)
        depth.with(["a"]).set(3)
        registry.removeSeries(where: ["model": "a", "version": "1"])
        let text = String(decoding: registry.exposition(), as: UTF8.self)
        #expect(!text.contains(#"model="a",code="200",version="1""#))
        #expect(text.contains(#"model="a",code="200",version="2""#))
        #expect(text.contains(#"model="b",code="200",version="1""#))
        #expect(text.contains(#"depth{model="a"} 3"#))
    }
}

/// What is wrong in a text of the exposition format 0.0.4, line by line; a strict reader.
private func complaints(_ text: String) -> [String] {
    var complaints: [String] = []
    var finished: Set<String> = []
    var family = ""
    var kind = ""
    var series: Set<String> = []
    var bucket: (series: String, bound: Double, count: Double)?
    if !text.hasSuffix("\n") { complaints.append("no line end at the end") }
    for line in text.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
        if line.hasPrefix("# HELP ") {
            finished.insert(family)
            family = String(line.split(separator: " ")[2])
            kind = ""
            if finished.contains(family) { complaints.append("family in two places: \(line)") }
            continue
        }
        if line.hasPrefix("# TYPE ") {
            let words = line.split(separator: " ")
            kind = String(words[3])
            if words[2] != family { complaints.append("type of another family: \(line)") }
            continue
        }
        guard let space = line.lastIndex(of: " ") else {
            complaints.append("no value: \(line)")
            continue
        }
        let name = line[..<space].prefix { $0 != "{" }
        let suffixes = kind == "histogram" ? ["_bucket", "_sum", "_count"] : [""]
        if !suffixes.contains(where: { name == family + $0 }) {
            complaints.append("not of family \(family): \(line)")
        }
        if !series.insert(String(line[..<space])).inserted { complaints.append("twice: \(line)") }
        let value = String(line[line.index(after: space)...])
        let number = Double(value.replacing("+Inf", with: "inf").replacing("-Inf", with: "-inf"))
        guard let number else {
            complaints.append("no number: \(line)")
            continue
        }
        if name.hasSuffix("_bucket"), kind == "histogram" {
            guard let label = line.firstRange(of: "le=\"") else {
                complaints.append("no bound: \(line)")
                continue
            }
            let others = String(line[..<label.lowerBound])
            let bound = String(line[label.upperBound...].prefix { $0 != "\"" })
            let end = Double(bound.replacing("+Inf", with: "inf")) ?? .nan
            if let before = bucket, before.series == others,
                !(end > before.bound && number >= before.count)
            {
                complaints.append("buckets do not rise: \(line)")
            }
            bucket = (others, end, number)
        } else if name.hasSuffix("_count"), kind == "histogram" {
            if bucket?.bound != .infinity || bucket?.count != number {
                complaints.append("count is not the last bucket: \(line)")
            }
        }
    }
    return complaints
}
