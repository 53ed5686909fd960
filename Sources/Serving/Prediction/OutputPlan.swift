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
    }

    private let parts: [Part]
    /// Columns of the right widths, to make an output table from.
    let columns: [OutputTable.Column]

    init(contract: Contract, program: Program) throws(ArtifactError) {
        var problems = PlanProblems()
        var parts: [Part] = []
        var columns: [OutputTable.Column] = []
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
                    width: width
                )
            )
            let rowShape = width == 1 ? [] : spec.shape.dropFirst().map(\.constant)
            columns.append(.init(output: output, width: width, rowShape: Array(rowShape)))
        }
        problems.checkFallback(of: contract, against: columns)
        try problems.throwIfAny()
        self.parts = parts
        self.columns = columns
    }

    /// Copies the session's answers to the chosen rows of the table.
    func decode(_ session: Session, rows: [Int], into table: inout OutputTable) {
        for (index, part) in parts.enumerated() {
            switch part.elementType {
            case .float:
                copy(Float.self, part, session, rows) {
                    table.columns[index].reals[$0] = Double($1)
                }
            case .double:
                copy(Double.self, part, session, rows) { table.columns[index].reals[$0] = $1 }
            case .int64:
                copy(Int64.self, part, session, rows) { table.columns[index].integers[$0] = $1 }
            case .int32:
                copy(Int32.self, part, session, rows) {
                    table.columns[index].integers[$0] = Int64($1)
                }
            case .bool:
                copy(UInt8.self, part, session, rows) {
                    table.columns[index].integers[$0] = $1 == 0 ? 0 : 1
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
    }

    private func copy<Element: Scalar>(
        _: Element.Type,
        _ part: Part,
        _ session: Session,
        _ rows: [Int],
        _ write: (_ target: Int, _ value: Element) -> Void
    ) {
        session.withOutput(part.graphOutput, as: Element.self) { elements in
            for (position, row) in rows.enumerated() {
                let source = position * part.stride + part.firstColumn
                for element in 0..<part.width {
                    write(row * part.width + element, elements[source + element])
                }
            }
        }
    }

    /// The worst verdict over all values of a row.
    static func verdict(
        of row: Int,
        in table: OutputTable,
        bounds: OutputBounds
    ) -> OutputVerdict {
        for (index, column) in table.columns.enumerated() {
            for place in row * column.width..<(row + 1) * column.width {
                let verdict: OutputVerdict =
                    switch column.storage {
                    case .real: bounds.check(column.reals[place], output: index)
                    case .integer: bounds.check(integer: column.integers[place], output: index)
                    case .text: bounds.check(text: column.texts[place], output: index)
                    }
                if verdict != .ok { return verdict }
            }
        }
        return .ok
    }
}

extension PlanProblems {
    /// A list in the fallback must fill its output's row, or what an earlier request left there
    /// would be answered again.
    fileprivate mutating func checkFallback(
        of contract: Contract,
        against columns: [OutputTable.Column]
    ) {
        for (index, link) in contract.fallback.enumerated() {
            guard case .constant(let values) = link else { continue }
            for column in columns {
                guard case .numbers(let numbers)? = values[column.output.name],
                    numbers.count != column.width
                else { continue }
                add(
                    "fallback[\(index)].values.\(column.output.name)",
                    found: "a list of \(numbers.count)",
                    expected: "\(column.width), the values of one row",
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
            remedy: "let the contract say what the graph computes"
        )
    }
}
