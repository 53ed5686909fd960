// SPDX-License-Identifier: Apache-2.0
import Artifacts
import Engine
import Guards
import Tensors

/// How the graph's output tensors become the contract's outputs; proved complete at load.
struct OutputPlan: Sendable {
    private struct Part: Sendable {
        let graphOutput: Int
        let elementType: DataType
        /// Elements a row of the graph output.
        let stride: Int
        let firstColumn: Int
        let width: Int
        /// Whether the answers can be taken as they lie in the session.
        let isWhole: Bool
    }

    private let parts: [Part]
    private let hasWholeParts: Bool
    /// What an output table is made from.
    let specs: [OutputSpec]

    init(contract: Contract, program: Program) throws(ArtifactError) {
        var problems = PlanProblems()
        var parts: [Part] = []
        var specs: [OutputSpec] = []
        for (index, output) in contract.outputs.enumerated() {
            guard let graphOutput = program.outputs.firstIndex(where: { $0.name == output.from })
            else {
                problems.add(
                    "outputs[\(index)].from",
                    found: "'\(output.from)'",
                    expected: "a graph output: "
                        + program.outputs.map(\.name).joined(separator: ", "),
                    remedy: "name the graph output that holds '\(output.name)'"
                )
                continue
            }
            let spec = program.outputs[graphOutput]
            if spec.shape.first.map({ $0.perRow == 0 }) ?? true {
                problems.add(
                    "outputs[\(index)].from",
                    found: "graph output '\(spec.name)' of shape \(spec.shape)",
                    expected: "a first dimension that is the row",
                    remedy: "export the model with a dynamic batch dimension"
                )
            }
            let stride = rowWidth(of: spec, problems: &problems)
            if let column = output.column, column < 0 || column >= stride {
                problems.add(
                    "outputs[\(index)].column",
                    found: "\(column)",
                    expected: "0..<\(stride), the columns of graph output '\(spec.name)'",
                    remedy: "choose a column that the graph output has"
                )
            }
            problems.checkDatatype(of: output, at: index, against: spec)
            let width = output.column == nil ? stride : 1
            parts.append(
                Part(
                    graphOutput: graphOutput,
                    elementType: spec.elementType,
                    stride: stride,
                    firstColumn: output.column ?? 0,
                    width: width,
                    isWhole: output.isTensor(of: spec.elementType) && width > 1
                        && index < UInt64.bitWidth
                        && program.outlivesLending(output: graphOutput)
                )
            )
            let rowShape = width == 1 ? [] : spec.shape.dropFirst().map(\.constant)
            specs.append(OutputSpec(output, width: width, rowShape: Array(rowShape)))
        }
        problems.checkFallback(of: contract, against: specs)
        try problems.throwIfAny()
        self.parts = parts
        self.specs = specs
        hasWholeParts = parts.contains(where: \.isWhole)
    }

    /// Copies the session's answers to the chosen rows of the table.
    ///
    /// - Parameters:
    ///   - session: has run.
    ///   - rows: those that it ran, rising.
    ///   - textless: outputs that may stay in the session, if they are tensors of all rows and nothing is
    ///     to be said against any of their values.
    ///   - bounds: what is to be said against values.
    ///   - table: where the answers go.
    func decode(
        _ session: Session,
        rows: [Int],
        textless: UInt64,
        _ bounds: borrowing OutputBounds,
        into table: inout OutputTable
    ) {
        let mayStay = hasWholeParts && textless != 0 && rows.count == table.rows
        for index in parts.indices {
            if mayStay, parts[index].isWhole, textless >> UInt64(index) & 1 == 1,
                isGood(index, session, bounds)
            {
                table.columns[index].graphOutput = parts[index].graphOutput
            } else {
                decode(index, session, rows: rows, into: &table)
            }
        }
    }

    /// Copies what was left in the session, as some of it is to be replaced.
    func decodeRest(_ session: Session, rows: [Int], into table: inout OutputTable) {
        for index in parts.indices where table.columns[index].graphOutput != nil {
            table.columns[index].graphOutput = nil
            decode(index, session, rows: rows, into: &table)
        }
    }

    /// Whether nothing is to be said against any value of an output.
    private func isGood(
        _ index: Int,
        _ session: Session,
        _ bounds: borrowing OutputBounds
    ) -> Bool {
        let part = parts[index]
        if part.elementType == .float {
            return session.withOutput(part.graphOutput, as: Float.self) {
                bounds.pass($0, output: index)
            }
        }
        return session.withOutput(part.graphOutput, as: Double.self) {
            bounds.pass($0, output: index)
        }
    }

    private func decode(
        _ index: Int,
        _ session: Session,
        rows: [Int],
        into table: inout OutputTable
    ) {
        let part = parts[index]
        switch part.elementType {
        case .float:
            copy(part, session, rows, &table.columns[index].reals) { (value: Float) in
                Double(value)
            }
        case .double:
            copy(part, session, rows, &table.columns[index].reals) { (value: Double) in value }
        case .int64:
            copy(part, session, rows, &table.columns[index].integers) { (value: Int64) in value
            }
        case .int32:
            copy(part, session, rows, &table.columns[index].integers) { (value: Int32) in
                Int64(value)
            }
        case .bool:
            copy(part, session, rows, &table.columns[index].integers) { (value: Truth) in
                value.isTrue ? 1 : 0
            }
        case .string:
            for (position, row) in rows.enumerated() {
                for element in 0..<part.width {
                    let source = position * part.stride + part.firstColumn + element
                    table.columns[index].texts[row * part.width + element] =
                        session.outputText(part.graphOutput, source)
                }
            }
        default: preconditionFailure("OutputPlan let \(part.elementType) through")
        }
    }

    private func copy<Element: Scalar, Value>(
        _ part: Part,
        _ session: Session,
        _ rows: [Int],
        _ values: inout [Value],
        _ convert: (Element) -> Value
    ) {
        session.withOutput(part.graphOutput, as: Element.self) { elements in
            for position in rows.indices {
                let source = position * part.stride + part.firstColumn
                let target = rows[position] * part.width
                for element in 0..<part.width {
                    values[target + element] = convert(elements[source + element])
                }
            }
        }
    }

    /// Whether nothing is to be said against any value of any row; false also where that takes a
    /// closer look.
    static func isAllGood(
        _ table: borrowing OutputTable,
        _ bounds: borrowing OutputBounds
    ) -> Bool {
        for index in table.columns.indices where table.columns[index].graphOutput == nil {
            guard case .real = table.columns[index].spec.storage,
                pass(table.columns[index].reals, bounds, index)
            else { return false }
        }
        return true
    }

    /// A span needs an owner that is not an element of a list.
    private static func pass(
        _ values: borrowing [Double],
        _ bounds: borrowing OutputBounds,
        _ index: Int
    ) -> Bool {
        bounds.pass(values.span, output: index)
    }

    /// The worst verdict over all values of a row.
    static func verdict(
        of row: Int,
        in table: borrowing OutputTable,
        bounds: borrowing OutputBounds
    ) -> OutputVerdict {
        for index in table.columns.indices where table.columns[index].graphOutput == nil {
            let width = table.columns[index].spec.width
            for place in row * width..<(row + 1) * width {
                let verdict = verdict(at: place, ofOutput: index, in: table, bounds: bounds)
                guard case .ok = verdict else { return verdict }
            }
        }
        return .ok
    }

    /// The first value of a row that may not leave, with its output's name; for people.
    static func firstRefused(
        of row: Int,
        in table: borrowing OutputTable,
        bounds: borrowing OutputBounds
    ) -> (output: String, value: String)? {
        for index in table.columns.indices where table.columns[index].graphOutput == nil {
            let spec = table.columns[index].spec
            for place in row * spec.width..<(row + 1) * spec.width
            where verdict(at: place, ofOutput: index, in: table, bounds: bounds) != .ok {
                let value =
                    switch spec.storage {
                    case .real: shortest(table.columns[index].reals[place])
                    case .integer: "\(table.columns[index].integers[place])"
                    case .text: Violations.shortened(table.columns[index].texts[place])
                    }
                return (spec.name, value)
            }
        }
        return nil
    }

    /// Without the digits that a single-precision value gains in double precision.
    private static func shortest(_ value: Double) -> String {
        Double(Float(value)) == value ? "\(Float(value))" : "\(value)"
    }

    private static func verdict(
        at place: Int,
        ofOutput index: Int,
        in table: borrowing OutputTable,
        bounds: borrowing OutputBounds
    ) -> OutputVerdict {
        switch table.columns[index].spec.storage {
        case .real: bounds.check(table.columns[index].reals[place], output: index)
        case .integer: bounds.check(integer: table.columns[index].integers[place], output: index)
        case .text: bounds.check(text: table.columns[index].texts[place], output: index)
        }
    }
}

extension Output {
    /// Whether an answer is a row of the graph's output, element for element.
    fileprivate func isTensor(of type: DataType) -> Bool {
        guard column == nil else { return false }
        return datatype == .fp32 && type == .float || datatype == .fp64 && type == .double
    }
}

extension PlanProblems {
    /// A list in the fallback must fill its output's row, or what an earlier request left there
    /// would be answered again.
    fileprivate mutating func checkFallback(
        of contract: Contract,
        against specs: [OutputSpec]
    ) {
        for (index, link) in contract.fallback.enumerated() {
            guard case .constant(let values) = link else { continue }
            for spec in specs {
                guard case .numbers(let numbers)? = values[spec.name],
                    numbers.count != spec.width
                else { continue }
                add(
                    "fallback[\(index)].values.\(spec.name)",
                    found: "a list of \(numbers.count)",
                    expected: "\(spec.width), the values of one row",
                    remedy: "give a value for each, or one number for all"
                )
            }
        }
    }

    /// The contract must give an output the datatype that the graph computes, or a wider one.
    fileprivate mutating func checkDatatype(
        of output: Output,
        at index: Int,
        against spec: TensorSpec
    ) {
        let fitting: [Datatype]
        switch spec.elementType {
        case .float: fitting = [.fp32, .fp64]
        case .double: fitting = [.fp64]
        case .int64: fitting = [.int64]
        case .int32: fitting = [.int32, .int64]
        case .bool: fitting = [.bool]
        case .string: fitting = [.bytes]
        default: fitting = []
        }
        guard !fitting.contains(output.datatype) else { return }
        add(
            "outputs[\(index)].datatype",
            found: output.datatype.rawValue,
            expected: fitting.isEmpty
                ? "a graph output of float, double, int32, int64, bool or string"
                : fitting.map(\.rawValue).joined(separator: " or ")
                    + ", because graph output '\(spec.name)' is \(spec.elementType)",
            remedy: fitting.isEmpty
                ? "export the model with a Cast behind '\(spec.name)', which is \(spec.elementType)"
                : "let the contract say what the graph computes"
        )
    }
}
