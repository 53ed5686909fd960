// SPDX-License-Identifier: Apache-2.0
internal import Platform

/// All metrics of one name, told apart by their labels' values.
///
/// Ask `with` for a child once and keep it: the child itself counts without lookup or lock.
/// A family holds at most `maximumChildren`; from then on, new label values share one child in
/// which each label is `_other`, so that no client can make the daemon remember without end.
package final class MetricFamily<Metric: Sendable>: Sendable {
    package static var maximumChildren: Int { 2000 }

    package let name: String
    package let help: String
    package let labels: [String]
    let kind: MetricKind
    private let make: @Sendable () -> Metric
    private let children = Guarded(Children<Metric>())

    init(
        _ name: String,
        _ help: String,
        kind: MetricKind,
        labels: [String],
        make: @escaping @Sendable () -> Metric
    ) {
        precondition(isMetricName(name), "'\(name)' is no metric name")
        precondition(
            labels.allSatisfy { isLabelName($0) && !(kind == .histogram && $0 == "le") }
                && Set(labels).count == labels.count,
            "\(name): \(labels) are no label names"
        )
        self.name = name
        self.help = help
        self.kind = kind
        self.labels = labels
        self.make = make
    }

    /// The child with these values of the labels, in the labels' order; made, at 0, when new.
    package func with(_ values: [String]) -> Metric { child(values, make: make) }

    package func with(_ values: String...) -> Metric { child(values, make: make) }

    /// Forgets the children for whose label values `condition` holds, as when a model is unloaded.
    package func remove(where condition: ([String]) -> Bool) {
        let gone = Set(snapshot().map(\.values).filter(condition))
        children.withLock { children in
            children.order.removeAll(where: gone.contains)
            for values in gone { children.metrics[values] = nil }
        }
    }

    func child(_ values: [String], make: @Sendable () -> Metric) -> Metric {
        precondition(values.count == labels.count, "\(name): \(values) are not for \(labels)")
        let new = make()
        let labels = labels
        return children.withLock { children in
            if let metric = children.metrics[values] { return metric }
            var key = values
            if children.order.count >= Self.maximumChildren {
                key = labels.map { _ in "_other" }
                if let metric = children.metrics[key] { return metric }
            }
            children.metrics[key] = new
            children.order.append(key)
            return new
        }
    }

    /// The children, in the order in which they were made.
    func snapshot() -> [(values: [String], metric: Metric)] {
        children.withLock { children in
            children.order.compactMap { values in
                children.metrics[values].map { (values, $0) }
            }
        }
    }
}

extension MetricFamily where Metric == Histogram {
    /// A child with buckets of its own, such as a feature's bins; a child that is there keeps its.
    package func with(_ values: [String], buckets: [Double]) -> Histogram {
        child(values) { Histogram(bounds: buckets) }
    }
}

private struct Children<Metric: Sendable>: Sendable {
    var order: [[String]] = []
    var metrics: [[String]: Metric] = [:]
}

/// The types that Prometheus knows, as written behind `# TYPE`.
enum MetricKind: String, Sendable {
    case counter
    case gauge
    case histogram
}

private func isMetricName(_ name: String) -> Bool {
    isWord(name) { $0 == UInt8(ascii: ":") }
}

private func isLabelName(_ name: String) -> Bool {
    isWord(name) { _ in false } && !name.hasPrefix("__")
}

/// Whether `name` is letters, digits and underscores, the first no digit; `extra` allows more.
private func isWord(_ name: String, extra: (UInt8) -> Bool) -> Bool {
    guard let first = name.utf8.first, !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first)
    else { return false }
    return name.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
            true
        default: extra(byte)
        }
    }
}
