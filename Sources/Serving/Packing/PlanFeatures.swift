// SPDX-License-Identifier: Apache-2.0
import Artifacts
import JSON
import Tensors

/// Finds out which column of the data goes where in the graph.
///
/// A graph input of one value takes the column of its name. A matrix takes columns in their order: those
/// that a flag or the model's file names, else all that are left. A tensor takes an array.
struct FeaturePlanner {
    let model: PackModel
    let table: DataTable
    let options: PackOptions
    /// What the training side's answers are called; a column of that name is the target.
    let answerNames: [String]

    private(set) var features: [PlannedFeature] = []
    private(set) var target: DataColumn?
    private(set) var notes: [String] = []
    private var problems: [ArtifactProblem] = []
    private var left: [DataColumn] = []
    /// The columns that became of an array, by its name.
    private var spreadNames: [String: [String]] = [:]

    init(
        model: PackModel,
        table: DataTable,
        options: PackOptions,
        answerNames: [String]
    ) {
        (self.model, self.table, self.options) = (model, table, options)
        self.answerNames = answerNames
    }

    mutating func plan() throws(ArtifactError) {
        try takeColumns()
        for input in model.inputs where input.isScalar && model.inputs.count > 1 {
            takeByName(input)
        }
        for input in model.inputs where !(input.isScalar && model.inputs.count > 1) {
            if input.isMatrix { try takeMatrix(input) } else { try takeTensor(input) }
        }
        if problems.isEmpty { checkValues() }
        for (flag, names) in [
            ("--encode", options.encodings.keys.sorted()),
            ("--missing", options.missing.keys.sorted()),
        ] where problems.isEmpty {
            for name in names where !features.contains(where: { $0.name == name }) {
                report("column '\(name)', which \(flag) names, is no feature of the model")
            }
        }
        guard problems.isEmpty else { throw ArtifactError(problems) }
        if !left.isEmpty {
            let names = left.map { "'\($0.name)'" }.joined(separator: ", ")
            notes.append("not used by the model, and left out: \(names)")
        }
        for feature in features where feature.column.isNumeric {
            let extent = Extent(feature.column)
            if extent.low == extent.high {
                notes.append("'\(feature.name)' has the same value in all rows")
            }
        }
    }

    // MARK: which columns there are

    private mutating func takeColumns() throws(ArtifactError) {
        let graphNames = Set(model.inputs.map(\.name))
        for name in options.inputs.keys.sorted() where !graphNames.contains(name) {
            throw ArtifactError(
                packing: model.path,
                "no graph input '\(name)', which --input names",
                expected: "one of \(model.inputs.map(\.name).joined(separator: ", "))"
            )
        }
        for names in [options.features ?? []] + options.inputs.values {
            var seen: Set<String> = []
            guard let twice = names.first(where: { !seen.insert($0).inserted }) else { continue }
            throw ArtifactError(
                packing: "--features",
                "column '\(twice)' twice",
                expected: "each once"
            )
        }
        let wanted = Set(
            (options.features ?? []) + options.inputs.values.flatMap(\.self)
                + (model.imported?.features.map(\.name) ?? [])
        )
        if let name = options.target {
            guard let column = table.column(name) else { throw unknown(name, flag: "--target") }
            target = column
        }
        for (name, flag) in options.encodings.keys.map({ ($0, "--encode") })
            + options.missing.keys.map({ ($0, "--missing") }) where table.column(name) == nil
        {
            throw unknown(name, flag: flag)
        }
        for column in table.columns {
            if options.predictionsColumns.contains(column.name) { continue }
            if column.name == target?.name { continue }
            if table.isIndex(column), !graphNames.contains(column.name),
                !wanted.contains(column.name)
            {
                notes.append("'\(column.name)' only counts the rows, and is left out")
                continue
            }
            if options.target == nil, answerNames.contains(column.name),
                !graphNames.contains(column.name), !wanted.contains(column.name)
            {
                target = column
                notes.append("'\(column.name)' is what the predictions are called: the target")
                continue
            }
            left += spread(column)
        }
    }

    private func unknown(_ name: String, flag: String) -> ArtifactError {
        ArtifactError(
            packing: table.file,
            "no column '\(name)', which \(flag) names",
            expected: "one of \(table.names.prefix(40).joined(separator: ", "))",
            remedy: suggestion(for: name, among: table.names) ?? ""
        )
    }

    /// The most columns of an array that become a feature each.
    private static let mostSpread = 512

    /// An array of rows that a matrix takes becomes a column a feature.
    private mutating func spread(_ column: DataColumn) -> [DataColumn] {
        guard case .tensors(let values) = column.values, values.shape.count == 1,
            let width = values.shape.first, width <= Self.mostSpread,
            model.inputs.contains(where: { input in
                input.isMatrix && !(input.isScalar && width > 1)
                    && (input.width == nil || input.width == width || model.inputs.count == 1)
                    && (model.inputs.count == 1 || input.name == column.name)
            })
        else { return [column] }
        var names = options.features ?? options.inputs[column.name] ?? table.matrixNames ?? []
        if names.count != width { names = model.imported?.features.map(\.name) ?? [] }
        if names.count != width { names = (0..<width).map { "\(column.name)_\($0)" } }
        if names[0].hasPrefix("column 0") { names = (0..<width).map { "f\($0)" } }
        spreadNames[column.name] = names
        return (0..<width).map { index in
            let places = (0..<values.rowCount).map { $0 * width + index }
            let part: DataColumn.Values =
                switch values.elements {
                case .singles(let all): .reals(places.map { Double(all[$0]) }, isSingle: true)
                case .doubles(let all): .reals(places.map { all[$0] }, isSingle: false)
                case .integers(let all): .integers(places.map { all[$0] })
                }
            return DataColumn(name: names[index], values: part)
        }
    }

    // MARK: which goes where

    private mutating func takeByName(_ input: PackModel.Value) {
        let given = options.inputs[input.name]
        guard given?.count ?? 1 == 1 else {
            report(
                "--input \(input.name): \(given?.count ?? 0) columns for a graph input of one value",
                expected: "one"
            )
            return
        }
        let name = given?[0] ?? input.name
        guard let index = left.firstIndex(where: { $0.name == name }) else {
            let near = suggestion(for: name, among: left.map(\.name))
            report(
                given == nil
                    ? "no column '\(name)', which the graph has an input for"
                    : "no column '\(name)', which --input \(input.name) names",
                expected: "columns "
                    + model.inputs.map { options.inputs[$0.name]?.first ?? $0.name }
                    .joined(separator: ", "),
                remedy: near ?? "add the column, or name the one that holds it: --input "
                    + "\(input.name)=COLUMN"
            )
            return
        }
        add(left.remove(at: index), to: input, categories: nil, range: nil)
    }

    private mutating func takeTensor(_ input: PackModel.Value) throws(ArtifactError) {
        let fitting = left.indices.filter { index in
            guard case .tensors(let values) = left[index].values, let shape = input.rowShape else {
                return false
            }
            return values.shape.count == shape.count
                && zip(values.shape, shape).allSatisfy { $1 == nil || $0 == $1 }
        }
        let index =
            fitting.first { left[$0].name == input.name } ?? (fitting.count == 1 ? fitting[0] : nil)
        guard let index, case .tensors(let values) = left[index].values else {
            let shape = (input.rowShape ?? []).map { $0.map { "\($0)" } ?? "?" }
            throw ArtifactError(
                packing: table.file,
                "no array for graph input '\(input.name)'",
                expected: "one of that name and shape [rows, \(shape.joined(separator: ", "))]",
                remedy: "write it with numpy.savez(file, \(input.name)=array)"
            )
        }
        add(left.remove(at: index), to: input, shape: values.shape)
    }

    private mutating func takeMatrix(_ input: PackModel.Value) throws(ArtifactError) {
        if let index = left.firstIndex(where: { $0.name == input.name && $0.isTensor }),
            case .tensors(let values) = left[index].values, values.shape.count == 1
        {
            add(left.remove(at: index), to: input, shape: values.shape)
            return
        }
        let before = features.count
        if let names = named(for: input) {
            for (position, name) in names.enumerated() {
                let imported = model.imported?.features
                let known = names.count == imported?.count ? imported?[position] : nil
                guard let index = left.firstIndex(where: { $0.name == name }) else {
                    report(
                        "no column '\(name)', which the model takes",
                        remedy: suggestion(for: name, among: left.map(\.name))
                            ?? "name the columns in the model's order with --features"
                    )
                    continue
                }
                add(
                    left.remove(at: index),
                    to: input,
                    categories: known?.categories,
                    range: known?.range
                )
            }
        } else {
            let others = model.inputs.filter { $0.isMatrix && !$0.isScalar }
            if others.count > 1 {
                throw ArtifactError(
                    packing: model.path,
                    "several matrices: \(others.map(\.name).joined(separator: ", "))",
                    remedy: "say which columns each takes: --input \(input.name)=a,b,c"
                )
            }
            for column in left where !column.isTensor {
                add(column, to: input, categories: nil, range: nil)
            }
            left.removeAll { !$0.isTensor }
        }
        guard problems.isEmpty else { return }
        try checkWidth(of: input, Array(features[before...]))
    }

    private func named(for input: PackModel.Value) -> [String]? {
        if let names = options.inputs[input.name] { return names }
        if model.inputs.count > 1, let names = spreadNames[input.name] { return names }
        if model.inputs.count == 1, let names = options.features { return names }
        guard let imported = model.imported, imported.input == input.name else { return nil }
        let names = imported.features.map(\.name)
        let have = Set(left.map(\.name))
        if names.allSatisfy(have.contains) { return names }
        // f0, f1… are no names: the library was given an array.
        let isNameless = names.enumerated().allSatisfy {
            $1 == "f\($0)" || $1 == "Column_\($0)"
        }
        return isNameless ? nil : names
    }

    private func checkWidth(
        of input: PackModel.Value,
        _ features: [PlannedFeature]
    ) throws(ArtifactError) {
        guard let wanted = input.width else { return }
        let width = features.reduce(0) { $0 + $1.width }
        guard width != wanted else { return }
        let names = features.map { $0.width == 1 ? $0.name : "\($0.name) (\($0.width))" }
        let list = names.prefix(40).joined(separator: ", ") + (names.count > 40 ? ", …" : "")
        let last = features.last?.name ?? "COLUMN"
        throw ArtifactError(
            packing: table.file,
            "\(width) columns for graph input '\(input.name)': \(list)",
            expected: "\(wanted)",
            remedy: width > wanted
                ? "say what is no feature: --target \(last), or --ignore COLUMN"
                : "name the columns in the model's order with --features a,b,c, or encode texts "
                    + "with --encode COLUMN=one_hot"
        )
    }

    private mutating func add(
        _ column: DataColumn,
        to input: PackModel.Value,
        categories: [String]? = nil,
        range: ClosedRange<Double>? = nil,
        shape: [Int]? = nil
    ) {
        let element = input.type ?? .float
        var planned = PlannedFeature(
            column: column,
            input: input.name,
            element: element,
            form: .identity,
            shape: shape,
            knownRange: range
        )
        if element == .string {
            planned.form = .text
        } else if column.isText {
            if let oddity = column.oddity, oddity.count * 10 <= oddity.numberCount {
                report(
                    "\(table.place(oddity.row)), column '\(column.name)': '\(oddity.value)' is no "
                        + "number"
                        + (oddity.count > 1 ? ", and \(oddity.count - 1) more" : ""),
                    remedy: "correct it, or leave it empty where it is missing"
                )
                return
            }
            guard let choice = choice(for: column, categories) else { return }
            (planned.form, planned.categories) = (choice.form, choice.categories)
        }
        if let given = options.missing[column.name] {
            guard let fitting = given.fitting(column) else {
                report(
                    "--missing \(column.name): a value that '\(column.name)' cannot have",
                    expected: column.isText
                        ? "reject, fallback, or a text" : "reject, fallback, nan, or a number"
                )
                return
            }
            planned.substitutes = [fitting]
        } else {
            planned.substitutes = substitutes(for: planned)
        }
        features.append(planned)
    }

    private mutating func choice(
        for column: DataColumn,
        _ categories: [String]?
    ) -> PackOptions.EncodingChoice? {
        if let choice = options.encodings[column.name] { return choice }
        if let categories { return .init(form: .ordinal, categories: categories) }
        let planned = column.text(0) ?? ""
        report(
            "column '\(column.name)' holds texts, such as '\(planned)', and the graph takes numbers",
            remedy: "say how they became numbers: --encode \(column.name)=ordinal (add "
                + ":first,second,… where their order is not that of the alphabet) or --encode "
                + "\(column.name)=one_hot"
        )
        return nil
    }

    mutating func report(_ found: String, expected: String = "", remedy: String = "") {
        problems.append(
            ArtifactProblem(file: table.file, found: found, expected: expected, remedy: remedy)
        )
    }
}
