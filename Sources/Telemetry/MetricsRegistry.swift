// SPDX-License-Identifier: Apache-2.0
internal import Platform

/// All metrics of the process and their text for Prometheus.
///
/// Asking for a family again, under the same name, kind and labels, gives the same one.
package final class MetricsRegistry: Sendable {
    /// What `exposition()` is, for the answer's head.
    package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    private let families = Guarded<[any ExposedFamily]>([])
    private let collectors = Guarded<[@Sendable () -> Void]>([])

    package init() {}

    package func counter(
        _ name: String,
        _ help: String,
        labels: [String] = []
    ) -> MetricFamily<Counter> {
        precondition(name.hasSuffix("_total"), "\(name): a counter's name ends in _total")
        return family(MetricFamily(name, help, kind: .counter, labels: labels) { Counter() })
    }

    package func gauge(
        _ name: String,
        _ help: String,
        labels: [String] = []
    ) -> MetricFamily<Gauge> {
        family(MetricFamily(name, help, kind: .gauge, labels: labels) { Gauge() })
    }

    /// A counter whose total is kept elsewhere and set at each scrape.
    package func observedCounter(
        _ name: String,
        _ help: String,
        labels: [String] = []
    ) -> MetricFamily<Gauge> {
        precondition(name.hasSuffix("_total"), "\(name): a counter's name ends in _total")
        return family(MetricFamily(name, help, kind: .counter, labels: labels) { Gauge() })
    }

    /// `buckets` are the upper ends; one more, `+Inf`, comes by itself.
    package func histogram(
        _ name: String,
        _ help: String,
        labels: [String] = [],
        buckets: [Double] = Histogram.requestDurations
    ) -> MetricFamily<Histogram> {
        family(
            MetricFamily(name, help, kind: .histogram, labels: labels) {
                Histogram(bounds: buckets)
            }
        )
    }

    /// Calls `collect` before each scrape, to set what is only worth computing then.
    package func onScrape(_ collect: @escaping @Sendable () -> Void) {
        collectors.withLock { $0.append(collect) }
    }

    /// Forgets every series that has these values, as of a model version that is unloaded: what it was
    /// last would else be told for ever.
    package func removeSeries(where values: [String: String]) {
        for family in families.withLock({ $0 }) { family.removeSeries(where: values) }
    }

    /// All metrics in Prometheus' text format 0.0.4.
    ///
    /// Each family is written once, its samples together, so that a family is what it was at one
    /// moment as nearly as counting without locks allows.
    package func exposition() -> [UInt8] {
        for collect in collectors.withLock({ $0 }) { collect() }
        var output = Exposition()
        for family in families.withLock({ $0 }) { family.write(to: &output) }
        return output.bytes
    }

    private func family<Metric>(_ new: MetricFamily<Metric>) -> MetricFamily<Metric>
    where MetricFamily<Metric>: ExposedFamily {
        let known = families.withLock { families -> (any ExposedFamily)? in
            if let known = families.first(where: { $0.name == new.name }) { return known }
            families.append(new)
            return nil
        }
        guard let known else {
            // A metric without labels has one series, which is there from the start.
            if new.labels.isEmpty { _ = new.with([]) }
            return new
        }
        guard let same = known as? MetricFamily<Metric>, same.kind == new.kind,
            same.labels == new.labels
        else { preconditionFailure("two different metrics are called \(new.name)") }
        return same
    }
}

/// What the registry needs of a family, whatever its metrics are.
protocol ExposedFamily: Sendable {
    var name: String { get }
    func removeSeries(where values: [String: String])
    func write(to output: inout Exposition)
}

extension MetricFamily: ExposedFamily {
    /// Nothing where the family lacks one of the labels.
    func removeSeries(where values: [String: String]) {
        let places = values.compactMap { label, value in
            labels.firstIndex(of: label).map { ($0, value) }
        }
        guard places.count == values.count else { return }
        remove { series in places.allSatisfy { series[$0.0] == $0.1 } }
    }

    func write(to output: inout Exposition) {
        let children = snapshot()
        guard !children.isEmpty else { return }
        output.head(name, help, kind)
        for (values, metric) in children {
            let labels = Array(zip(labels, values))
            switch metric {
            case let counter as Counter:
                output.sample(name, labels, "\(counter.value)")
            case let gauge as Gauge:
                output.sample(name, labels, Exposition.text(gauge.value))
            case let histogram as Histogram:
                output.histogram(name, labels, histogram.snapshot)
            default:
                preconditionFailure("\(name) holds what has no text")
            }
        }
    }
}
