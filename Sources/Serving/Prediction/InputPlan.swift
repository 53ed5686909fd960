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
    /// A class, because every request looks at it and a reference is quicker to count than lists.
    final class Input: Sendable {
        let elementType: DataType
        /// Elements a row.
        let width: Int
        let parts: [Part]
        /// The parts where all of them are scalars that `FeatureTable.copyFloats` takes; else empty.
        let columns: [FeatureTable.FloatColumn]
        /// The tensor feature that is the whole input, element for element, so that it may be read where
        /// a client's bytes lie.
        let tensor: Int?

        init(
            elementType: DataType,
            width: Int,
            parts: [Part],
            columns: [FeatureTable.FloatColumn],
            tensor: Int?
        ) {
            self.elementType = elementType
            self.width = width
            self.parts = parts
            self.columns = columns
            self.tensor = tensor
        }
    }

    let inputs: [Input]
    private let takesTensors: Bool

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
            let isPlain = parts.allSatisfy { part in
                contract.features[part.feature].shape == nil
                    && (part.source == .reals || part.source == .ordinals)
            }
            let whole = parts.count == 1 ? parts.first?.feature : nil
            inputs.append(
                Input(
                    elementType: spec.elementType,
                    width: width,
                    parts: parts,
                    columns: isPlain
                        ? parts.map { .init(feature: $0.feature, column: $0.firstColumn) } : [],
                    tensor: whole.flatMap { feature in
                        contract.features[feature].isTensor(of: spec.elementType) ? feature : nil
                    }
                )
            )
        }
        problems.checkFeaturesHaveInputs(contract, program)
        try problems.throwIfAny()
        self.inputs = inputs
        takesTensors = inputs.contains { $0.tensor != nil }
    }

    /// The inputs that the session can read where the request's body has them; `encode` leaves them out.
    func lentInputs(_ table: borrowing FeatureTable, rows: [Int]) -> [Session.LentInput] {
        guard takesTensors else { return [] }
        var lent: [Session.LentInput] = []
        for index in inputs.indices {
            guard let range = lentRange(of: inputs[index], table, rows) else { continue }
            lent.append(Session.LentInput(input: index, range: range))
        }
        return lent
    }

    /// Where the body has the input, whole: rows are chosen in their order, so that as many are all.
    private func lentRange(
        of input: Input,
        _ table: borrowing FeatureTable,
        _ rows: [Int]
    ) -> Range<Int>? {
        guard let tensor = input.tensor, rows.count == table.rows else { return nil }
        return table.lentRange(tensor)
    }

    /// Writes the chosen rows of the table into the session's inputs, one after the other.
    ///
    /// - Parameters:
    ///   - table: what the request holds.
    ///   - rows: those that are wanted, rising.
    ///   - body: where the request's tensors lie that the table does not hold.
    ///   - session: it has begun a run of as many rows.
    /// - Returns: false where the rows' texts do not fit the session's text memory.
    func encode(
        _ table: borrowing FeatureTable,
        rows: [Int],
        _ body: Span<UInt8>,
        into session: Session
    ) -> Bool {
        for index in inputs.indices {
            let input = inputs[index]
            if takesTensors, lentRange(of: input, table, rows) != nil { continue }
            switch input.elementType {
            case .float where !input.columns.isEmpty && rows.count == table.rows:
                session.withInput(index, as: Float.self) { elements in
                    table.copyFloats(input.columns, width: input.width, to: &elements)
                }
            case .float: fill(Float.self, index, input, table, rows, body, session) { Float($0) }
            case .double: fill(Double.self, index, input, table, rows, body, session) { $0 }
            case .int64: fillIntegers(index, input, table, rows, body, session) { $0 }
            case .int32:
                fillIntegers(index, input, table, rows, body, session) {
                    Int32(truncatingIfNeeded: $0)
                }
            case .bool: fillIntegers(index, input, table, rows, body, session) { Truth($0 != 0) }
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
        _ body: Span<UInt8>,
        _ session: Session,
        _ convert: (Double) -> Element
    ) where Element: Scalar {
        session.withInput(index, as: Element.self) { elements in
            for part in input.parts {
                if let lent = LentColumn(part.feature, table) {
                    for position in rows.indices {
                        let target = position * input.width + part.firstColumn
                        for element in 0..<part.width {
                            let place = rows[position] * part.width + element
                            let value = lent.real(place, in: body)
                            elements[target + element] = convert(value)
                        }
                    }
                    continue
                }
                switch part.source {
                case .reals:
                    table.withReals(part.feature) { values in
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

    private func fillIntegers<Element: Scalar>(
        _ index: Int,
        _ input: Input,
        _ table: borrowing FeatureTable,
        _ rows: [Int],
        _ body: Span<UInt8>,
        _ session: Session,
        _ convert: (Int64) -> Element
    ) {
        session.withInput(index, as: Element.self) { elements in
            for part in input.parts {
                if let lent = LentColumn(part.feature, table) {
                    for position in rows.indices {
                        let target = position * input.width + part.firstColumn
                        for element in 0..<part.width {
                            let place = rows[position] * part.width + element
                            let value = lent.integer(place, in: body)
                            elements[target + element] = convert(value)
                        }
                    }
                    continue
                }
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
                        elements[start + element] = convert(value)
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

extension Feature {
    /// Whether each row of the feature is a row of an input of these elements, as it lies in a body.
    fileprivate func isTensor(of type: DataType) -> Bool {
        guard shape != nil, encoding.form == .identity else { return false }
        return switch (datatype, type) {
        case (.fp32, .float), (.fp64, .double), (.int32, .int32), (.int64, .int64): true
        default: false
        }
    }
}
