// SPDX-License-Identifier: Apache-2.0
import Artifacts
import Engine
import Guards
import Tensors

/// How the contract's features become the graph's input tensors; proved complete at load.
///
/// Every graph input is filled entirely, every feature goes somewhere, and no column is written
/// twice: `init` refuses everything else.
struct InputPlan: Sendable {
    /// What of a feature goes into a graph input of floating-point numbers.
    enum Source: Sendable { case reals, ordinals, oneHot, numbers }

    /// One feature's part of one graph input.
    struct Part: Sendable {
        let feature: Int
        let form: Encoding.Form
        let source: Source
        let firstColumn: Int
        /// Columns filled: 1, or the number of categories, or a tensor's elements a row.
        let width: Int
    }
    struct Input: Sendable {
        let elementType: DataType
        /// Elements a row.
        let width: Int
        let parts: [Part]
    }

    let inputs: [Input]

    init(contract: Contract, program: Program) throws(ArtifactError) {
        var problems = PlanProblems()
        var inputs: [Input] = []
        for spec in program.inputs {
            let width = rowWidth(of: spec, problems: &problems)
            var parts: [Part] = []
            for (index, feature) in contract.features.enumerated()
            where feature.encoding.input == spec.name {
                let part = Part(
                    feature: index,
                    form: feature.encoding.form,
                    source: Source(feature),
                    firstColumn: feature.encoding.column,
                    width: columns(of: feature)
                )
                problems.check(part, of: feature, against: spec, width: width)
                parts.append(part)
            }
            problems.checkCoverage(of: spec, width: width, by: parts, in: contract)
            inputs.append(Input(elementType: spec.elementType, width: width, parts: parts))
        }
        problems.checkFeaturesHaveInputs(contract, program)
        try problems.throwIfAny()
        self.inputs = inputs
    }

    /// Writes the chosen rows of the table into the session's inputs, one after the other.
    ///
    /// - Returns: false where the rows' texts do not fit the session's text memory.
    func encode(_ table: borrowing FeatureTable, rows: [Int], into session: Session) -> Bool {
        for (index, input) in inputs.enumerated() {
            switch input.elementType {
            case .float: fill(Float.self, index, input, table, rows, session) { Float($0) }
            case .double: fill(Double.self, index, input, table, rows, session) { $0 }
            case .int64: fillIntegers(Int64.self, index, input, table, rows, session)
            case .int32: fillIntegers(Int32.self, index, input, table, rows, session)
            case .bool: fillIntegers(UInt8.self, index, input, table, rows, session)
            case .string:
                guard fillText(index, input, table, rows, session) else { return false }
            default: preconditionFailure("InputPlan let \(input.elementType) through")
            }
        }
        return true
    }

    private func fill<Element>(
        _: Element.Type,
        _ index: Int,
        _ input: Input,
        _ table: borrowing FeatureTable,
        _ rows: [Int],
        _ session: Session,
        _ convert: (Double) -> Element
    ) where Element: Scalar {
        session.withInput(index, as: Element.self) { elements in
            for part in input.parts {
                switch part.source {
                case .reals:
                    table.withReals(part.feature) { values in
                        if part.width == 1, rows.count == table.rows {
                            // All rows, so in their order.
                            var target = part.firstColumn
                            for row in values.indices {
                                elements[target] = convert(values[row])
                                target &+= input.width
                            }
                            return
                        }
                        for position in rows.indices {
                            let source = rows[position] * part.width
                            let target = position * input.width + part.firstColumn
                            for element in 0..<part.width {
                                elements[target + element] = convert(values[source + element])
                            }
                        }
                    }
                case .ordinals:
                    table.withCategories(part.feature) { categories, cells in
                        for position in rows.indices {
                            let row = rows[position]
                            let value =
                                cells[row].hasValue ? Double(categories[row]) : Double.nan
                            elements[position * input.width + part.firstColumn] = convert(value)
                        }
                    }
                case .oneHot:
                    for position in rows.indices {
                        let start = position * input.width + part.firstColumn
                        let category = table.category(feature: part.feature, row: rows[position])
                        for column in 0..<part.width {
                            elements[start + column] = convert(column == category ? 1 : 0)
                        }
                    }
                case .numbers:
                    for position in rows.indices {
                        let start = position * input.width + part.firstColumn
                        for element in 0..<part.width {
                            let value = table.real(
                                feature: part.feature,
                                row: rows[position],
                                element: element
                            )
                            elements[start + element] = convert(value)
                        }
                    }
                }
            }
        }
    }

    private func fillIntegers<Element: FixedWidthInteger & Scalar>(
        _: Element.Type,
        _ index: Int,
        _ input: Input,
        _ table: borrowing FeatureTable,
        _ rows: [Int],
        _ session: Session
    ) {
        session.withInput(index, as: Element.self) { elements in
            for part in input.parts {
                for (position, row) in rows.enumerated() {
                    let start = position * input.width + part.firstColumn
                    for element in 0..<part.width {
                        let category = table.category(feature: part.feature, row: row)
                        let value: Int64 =
                            switch part.form {
                            case .oneHot: element == category ? 1 : 0
                            case .ordinal: Int64(category ?? -1)
                            default:
                                table.integer(feature: part.feature, row: row, element: element)
                            }
                        elements[start + element] = Element(truncatingIfNeeded: value)
                    }
                }
            }
        }
    }

    private func fillText(
        _ index: Int,
        _ input: Input,
        _ table: borrowing FeatureTable,
        _ rows: [Int],
        _ session: Session
    ) -> Bool {
        for part in input.parts {
            for (position, row) in rows.enumerated() {
                for element in 0..<part.width {
                    let place = position * input.width + part.firstColumn + element
                    let fits = table.withText(feature: part.feature, row: row, element: element) {
                        session.setText(input: index, element: place, utf8: $0)
                    }
                    guard fits else { return false }
                }
            }
        }
        return true
    }
}

extension InputPlan.Source {
    fileprivate init(_ feature: Feature) {
        switch feature.encoding.form {
        case .oneHot: self = .oneHot
        case .ordinal: self = .ordinals
        default: self = FeatureKind(feature) == .real ? .reals : .numbers
        }
    }
}

/// How many columns of its graph input a feature fills.
func columns(of feature: Feature) -> Int {
    if feature.encoding.form == .oneHot { return feature.categories?.count ?? 0 }
    return feature.shape.map { $0.reduce(1) { $0 * $1 } } ?? 1
}
