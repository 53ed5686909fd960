// SPDX-License-Identifier: Apache-2.0
import Engine
import ONNX
import Tensors

/// How far an answer may be from the recorded one: `absolute + relative * |recorded|`.
struct Tolerance {
    var relative = 1e-3
    var absolute = 1e-7

    /// What became of one comparison.
    struct Verdict {
        /// Nil when everything is within tolerance.
        var problem: String?
        /// The largest difference between numbers that are both finite.
        var largestDifference = 0.0
    }

    /// Compares shape, type and elements; NaN is equal to NaN.
    func compare(_ got: NamedValue, _ want: StoredValue) -> Verdict {
        if got.classes != nil, case .sequence(let rows) = want { return compareMaps(got, rows) }
        return compare(got.value, want)
    }

    /// The same kind of value all the way down.
    private func compare(_ got: StoredValue, _ want: StoredValue) -> Verdict {
        switch (got, want) {
        case (.tensor(let got), .tensor(let want)): return compare(got, want)
        case (.absent, .absent): return Verdict()
        case (.sequence(let got), .sequence(let want)):
            guard got.count == want.count else {
                return Verdict(problem: "has \(got.count) elements, expected \(want.count)")
            }
            var verdict = Verdict()
            for (index, pair) in zip(got, want).enumerated() {
                let part = compare(pair.0, pair.1)
                if let problem = part.problem {
                    return Verdict(problem: "element \(index) \(problem)")
                }
                verdict.largestDifference = max(
                    verdict.largestDifference,
                    part.largestDifference
                )
            }
            return verdict
        case (.map(let gotKeys, let got), .map(let wantKeys, let want)):
            guard gotKeys == wantKeys else { return Verdict(problem: "has other keys") }
            return compare(got, want)
        default: return Verdict(problem: "is \(got.kindName), expected \(want.kindName)")
        }
    }

    private func compare(_ got: Tensor, _ want: Tensor) -> Verdict {
        guard got.type == want.type else {
            return Verdict(problem: "is of type \(got.type), expected \(want.type)")
        }
        guard got.dimensions == want.dimensions else {
            return Verdict(problem: "has the shape \(got.dimensions), expected \(want.dimensions)")
        }
        switch got.type {
        case .string: return compareTexts(got.texts, want.texts)
        case .float: return compareReals(got, want, Float.self) { Double($0) }
        case .double: return compareReals(got, want, Double.self) { $0 }
        case .float16: return compareReals(got, want, Float16.self) { Double($0) }
        case .bfloat16: return compareReals(got, want, BFloat16.self) { Double($0.float) }
        case .int64: return compareReals(got, want, Int64.self) { Double($0) }
        case .int32: return compareReals(got, want, Int32.self) { Double($0) }
        case .int16: return compareReals(got, want, Int16.self) { Double($0) }
        case .int8: return compareReals(got, want, Int8.self) { Double($0) }
        case .uint64: return compareReals(got, want, UInt64.self) { Double($0) }
        case .uint32: return compareReals(got, want, UInt32.self) { Double($0) }
        case .uint16: return compareReals(got, want, UInt16.self) { Double($0) }
        case .uint8: return compareReals(got, want, UInt8.self) { Double($0) }
        case .bool: return compareReals(got, want, Truth.self) { $0.isTrue ? 1 : 0 }
        default: return compareBytes(got, want)
        }
    }

    private func compareTexts(_ got: [String], _ want: [String]) -> Verdict {
        for index in got.indices where Array(got[index].utf8) != Array(want[index].utf8) {
            return Verdict(
                problem: "element \(index) is '\(got[index])', expected '\(want[index])'"
            )
        }
        return Verdict()
    }

    private func compareReals<Element: Scalar>(
        _ got: Tensor,
        _ want: Tensor,
        _: Element.Type,
        _ real: (Element) -> Double
    ) -> Verdict {
        got.withElements(as: Element.self) { gotten in
            want.withElements(as: Element.self) { wanted in
                var verdict = Verdict()
                var misses = 0
                for index in gotten.indices {
                    let (a, b) = (real(gotten[index]), real(wanted[index]))
                    if a == b || (a.isNaN && b.isNaN) { continue }
                    let difference = abs(a - b)
                    if difference.isFinite {
                        verdict.largestDifference = max(verdict.largestDifference, difference)
                    }
                    // An infinite allowance would accept anything; a NaN compares false.
                    if b.isFinite, difference <= absolute + relative * abs(b) { continue }
                    misses += 1
                    if misses == 1 { verdict.problem = "element \(index) is \(a), expected \(b)" }
                }
                if let first = verdict.problem, misses > 1 {
                    verdict.problem = "\(misses) of \(gotten.count) elements differ: \(first)"
                }
                return verdict
            }
        }
    }

    /// Types that no Swift type stands for are compared bit by bit.
    private func compareBytes(_ got: Tensor, _ want: Tensor) -> Verdict {
        let isEqual = got.withBytes { gotten in
            want.withBytes { wanted in
                gotten.byteCount == wanted.byteCount
                    && gotten.byteOffsets.allSatisfy { offset in
                        unsafe gotten.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
                            == wanted.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
                    }
            }
        }
        return isEqual ? Verdict() : Verdict(problem: "differs in its bits")
    }

    /// A ZipMap's output: recorded as a map a row, answered as a tensor whose columns have names.
    private func compareMaps(_ got: NamedValue, _ rows: [StoredValue]) -> Verdict {
        guard let classes = got.classes, let table = got.tensor else {
            return Verdict(problem: "is a tensor, expected a sequence")
        }
        var scores: [Float] = []
        for (number, row) in rows.enumerated() {
            guard case .map(let keys, .sequence(let values)) = row, keys.count == values.count
            else {
                return Verdict(problem: "row \(number) is recorded as something else than a map")
            }
            var byKey: [MapKey: Float] = [:]
            for case (let key, .tensor(let score)) in zip(keys, values)
            where score.type == .float && score.elementCount == 1 {
                byKey[key] = score.elements(as: Float.self)[0]
            }
            let names: [MapKey] =
                switch classes {
                case .strings(let names): names.map { .string($0) }
                case .integers(let names): names.map { .integer($0) }
                }
            guard byKey.count == names.count else {
                return Verdict(
                    problem:
                        "row \(number) has \(byKey.count) recorded classes, found \(names.count)"
                )
            }
            for name in names {
                guard let score = byKey[name] else {
                    return Verdict(problem: "row \(number) has no recorded class \(name)")
                }
                scores.append(score)
            }
        }
        guard let shape = Shape([rows.count, classes.count]), shape.elementCount == scores.count
        else { return Verdict(problem: "the recorded maps make no table") }
        return compare(table, Tensor(scores, shape: shape))
    }
}

extension StoredValue {
    fileprivate var kindName: String {
        switch self {
        case .tensor: "a tensor"
        case .sequence: "a sequence"
        case .map: "a map"
        case .absent: "absent"
        }
    }
}
