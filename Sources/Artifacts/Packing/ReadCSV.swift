// SPDX-License-Identifier: Apache-2.0

/// Reads a comma-separated file by column.
///
/// Two walks over the bytes: the first tells what each column's values are, the second takes them. So
/// nothing is kept but the values.
struct CSVReader {
    let file: String
    let options: DataOptions

    private var names: [String] = []
    private var hasNames = true
    /// Where the rows start.
    private var body = CSVScanner()
    private var kinds: [Kind] = []
    private var rowCount = 0
    /// Whether row r is in line `r + firstLine`.
    private var isLineByLine = true
    /// What seems to stand between the columns instead of commas.
    private var separator: String?

    /// What was seen of one column.
    private struct Kind {
        var isWanted = true
        var mustBeText = false
        var integers = 0
        var reals = 0
        var booleans = 0
        var texts = 0
        var firstText: (row: Int, value: String)?

        var numbers: Int { integers + reals }
        var form: ColumnBuilder.Form {
            if mustBeText || texts > 0 || (booleans > 0 && numbers > 0) { return .texts }
            if booleans > 0 { return .booleans }
            return reals > 0 || integers == 0 ? .reals : .integers
        }
    }

    init(file: String, options: DataOptions) {
        (self.file, self.options) = (file, options)
    }

    mutating func read(_ bytes: Span<UInt8>) throws(ArtifactError) -> DataTable {
        do throws(CSVScanner.Problem) {
            try readNames(in: bytes)
        } catch {
            throw ArtifactError(file, "line \(error.line)", found: error.problem)
        }
        try checkNames()
        try look(at: bytes)
        guard rowCount > 0 else {
            throw ArtifactError(file, found: "no rows", expected: "a line for each row")
        }
        return try take(from: bytes)
    }

    private mutating func readNames(in bytes: Span<UInt8>) throws(CSVScanner.Problem) {
        var fields: [CSVScanner.Field] = []
        var scanner = body
        guard try scanner.next(in: bytes, &fields) else { return }
        var isAllNumbers = true
        for field in fields {
            if field.isQuoted { isAllNumbers = false }
            switch CellText(field.range, in: bytes) {
            case .integer, .real: break
            default: isAllNumbers = false
            }
            names.append(CSVScanner.text(field, in: bytes) ?? "\u{FFFD}")
        }
        if fields.count == 1, let only = fields.first, !only.isQuoted {
            separator = Self.separator(of: only.range, andFrom: scanner.offset, in: bytes)
        }
        if isAllNumbers, options.mayLackNames, !Self.isCount(names) {
            hasNames = false
            names = names.indices.map { "column \($0)" }
        } else {
            body = scanner
        }
    }

    /// What stands as often in a name that is alone as in the line behind it.
    private static func separator(
        of name: Range<Int>,
        andFrom start: Int,
        in bytes: Span<UInt8>
    ) -> String? {
        let end = (start..<bytes.count).first { bytes[$0] == UInt8(ascii: "\n") } ?? bytes.count
        for (byte, word) in [(UInt8(ascii: ";"), "semicolons"), (9, "tabs"), (124, "bars")] {
            let count = name.count { bytes[$0] == byte }
            if count > 0, (start..<end).count(where: { bytes[$0] == byte }) == count {
                return word
            }
        }
        return nil
    }

    /// Whether the names are 0, 1, 2…, as data frames call columns that have none.
    private static func isCount(_ names: [String]) -> Bool {
        names.indices.allSatisfy { names[$0] == "\($0)" }
    }

    private func checkNames() throws(ArtifactError) {
        guard !names.isEmpty else {
            throw ArtifactError(
                file,
                found: "nothing in it",
                expected: "a first line that names the columns, then a line for each row"
            )
        }
        if let separator {
            throw ArtifactError(
                file,
                "line 1",
                found: "\(separator) between the columns",
                expected: "commas, and points in numbers",
                remedy: "save the file so: pandas does by to_csv(file, index=False)"
            )
        }
        var seen: Set<String> = []
        for name in names {
            if name.contains("\u{FFFD}") {
                throw ArtifactError(
                    file,
                    "line 1",
                    found: "bytes that are no UTF-8",
                    remedy: "save the file as UTF-8"
                )
            }
            let (isNew, first) = seen.insert(name)
            guard isNew else { throw ArtifactError(file, "line 1", "column", name, sameAs: first) }
        }
    }

    /// The first walk.
    private mutating func look(at bytes: Span<UInt8>) throws(ArtifactError) {
        kinds = names.map { name in
            Kind(
                isWanted: !options.ignored.contains(name),
                mustBeText: options.texts.contains(name)
            )
        }
        let firstLine = body.line + 1
        try walk(over: bytes, share: 0) { reader, row, line, fields in
            if line != row + firstLine { reader.isLineByLine = false }
            for (column, field) in fields.enumerated() where reader.kinds[column].isWanted {
                reader.look(at: field, column, row, in: bytes)
            }
        }
        let wanted = kinds.count { $0.isWanted }
        guard rowCount <= options.valueLimit / max(wanted, 1) else {
            throw ArtifactError(
                file,
                found: "\(rowCount) rows of \(wanted) columns",
                expected: "at most \(options.valueLimit) values",
                remedy: "give a sample of the rows"
            )
        }
    }

    private mutating func look(
        at field: CSVScanner.Field,
        _ column: Int,
        _ row: Int,
        in bytes: Span<UInt8>
    ) {
        guard !field.isQuoted || !field.isEmpty else { return }
        switch CellText(field.range, in: bytes) {
        case .empty: break
        case .integer: kinds[column].integers += 1
        case .real: kinds[column].reals += 1
        case .boolean: kinds[column].booleans += 1
        case .missingWord: break
        case .text:
            kinds[column].texts += 1
            guard kinds[column].firstText == nil else { break }
            kinds[column].firstText = (row, CSVScanner.text(field, in: bytes) ?? "\u{FFFD}")
        }
    }

    /// The second walk.
    private mutating func take(from bytes: Span<UInt8>) throws(ArtifactError) -> DataTable {
        var builders = kinds.indices.filter { kinds[$0].isWanted }.map { column in
            (column, ColumnBuilder(names[column], kinds[column].form, reserving: rowCount))
        }
        let file = file
        try walk(over: bytes, share: 1) { (_, row, line, fields) throws(ArtifactError) in
            for index in builders.indices {
                let field = fields[builders[index].0]
                guard builders[index].1.isText else {
                    builders[index].1.append(CellText(field.range, in: bytes))
                    continue
                }
                guard let text = CSVScanner.text(field, in: bytes) else {
                    throw ArtifactError(
                        file,
                        "line \(line), column '\(builders[index].1.name)'",
                        found: "bytes that are no UTF-8",
                        remedy: "save the file as UTF-8"
                    )
                }
                builders[index].1.append(text.isEmpty ? nil : text)
            }
        }
        let columns = builders.map { column, builder in
            var built = builder.column
            if let first = kinds[column].firstText, kinds[column].numbers > 0 {
                built.oddity = DataColumn.Oddity(
                    row: first.row,
                    value: first.value,
                    count: kinds[column].texts,
                    numberCount: kinds[column].numbers
                )
            }
            return built
        }
        var table = DataTable(
            file: file,
            rowCount: rowCount,
            columns: columns,
            hasNames: hasNames,
            firstLine: isLineByLine ? body.line + 1 : nil
        )
        table.ignored = names.filter(options.ignored.contains)
        return table
    }

    /// Lends every row's fields; `share` is 0 for the first walk and 1 for the second.
    private mutating func walk(
        over bytes: Span<UInt8>,
        share: Int,
        _ visit: (inout CSVReader, Int, Int, [CSVScanner.Field]) throws(ArtifactError) -> Void
    ) throws(ArtifactError) {
        var scanner = body
        var fields: [CSVScanner.Field] = []
        var row = 0
        while true {
            do throws(CSVScanner.Problem) {
                guard try scanner.next(in: bytes, &fields) else { break }
            } catch {
                throw ArtifactError(file, "line \(error.line)", found: error.problem)
            }
            guard fields.count == names.count else {
                throw ArtifactError(
                    file,
                    "line \(scanner.line)",
                    found: "\(fields.count) fields",
                    expected: "\(names.count), as many as the first line has"
                )
            }
            try visit(&self, row, scanner.line, fields)
            row += 1
            if row & 0xFFFF == 0 {
                options.progress?(share * bytes.count + scanner.offset, 2 * bytes.count)
            }
        }
        rowCount = row
    }
}
