// SPDX-License-Identifier: Apache-2.0

/// Reads arrays that NumPy wrote, `.npz` or a single `.npy`, by column.
///
/// The first axis is the row. An array of one axis is a column, one of more axes a column of tensors;
/// of texts with two axes each column is one.
struct NPZReader {
    let file: String
    let options: DataOptions
    private var columns: [DataColumn] = []
    private var rowCount: Int?
    private var rowsOf = ""
    private var valuesLeft: Int
    /// Names of columns that lie beside a matrix.
    private var names: [String]?
    private var ignored: [String] = []

    init(file: String, options: DataOptions) {
        (self.file, self.options, valuesLeft) = (file, options, options.valueLimit)
    }

    /// Reads a `.npz`.
    mutating func read(_ bytes: Span<UInt8>) throws(ArtifactError) -> DataTable {
        let archive: ZipArchive
        do throws(ZipArchive.Problem) {
            archive = try ZipArchive(bytes)
        } catch {
            throw ArtifactError(file, found: error.found, remedy: "write it with numpy.savez")
        }
        var seen: Set<String> = []
        for (index, member) in archive.members.enumerated() where member.name.hasSuffix(".npy") {
            let name = String(member.name.dropLast(4))
            let (isNew, first) = seen.insert(name)
            guard isNew else { throw ArtifactError(file, "", "array", name, sameAs: first) }
            guard !options.ignored.contains(name) else {
                ignored.append(name)
                continue
            }
            var array = NPYArray(elementLimit: valuesLeft)
            do throws(NPYHeader.Problem) {
                let damage = try ZipArchive.walk(over: member, in: bytes) {
                    (piece) throws(NPYHeader.Problem) in try array.take(piece)
                }
                if let damage { throw NPYHeader.Problem(found: damage.found) }
            } catch {
                throw ArtifactError(
                    file,
                    "array '\(name)'",
                    found: error.found,
                    remedy: error.remedy
                )
            }
            try add(array, named: name)
            options.progress?(index + 1, archive.members.count)
        }
        return try table()
    }

    /// Reads a `.npy`, whose one column has no name.
    mutating func readArray(_ bytes: Span<UInt8>) throws(ArtifactError) -> DataTable {
        var array = NPYArray(elementLimit: valuesLeft)
        do throws(NPYHeader.Problem) {
            try array.take(bytes)
        } catch {
            throw ArtifactError(file, found: error.found, remedy: error.remedy)
        }
        try add(array, named: "column 0")
        var table = try table()
        table.hasNames = false
        return table
    }

    private mutating func add(_ array: NPYArray, named name: String) throws(ArtifactError) {
        guard let header = array.header, array.isWhole else {
            throw ArtifactError(
                file,
                "array '\(name)'",
                found: "fewer elements than its shape has",
                remedy: "write the file again"
            )
        }
        guard let rows = header.shape.first else { return }
        if header.shape.count == 1, ["feature_names", "columns", "names"].contains(name),
            case .texts(let texts) = array.elements
        {
            names = texts.codes.map { $0 < 0 ? "" : texts.names[Int($0)] }
            return
        }
        guard rows > 0, !header.shape.contains(0) else {
            throw ArtifactError(file, "array '\(name)'", found: "no elements")
        }
        if let rowCount, rowCount != rows {
            throw ArtifactError(
                file,
                "array '\(name)'",
                found: "\(rows) rows",
                expected: "\(rowCount), as '\(rowsOf)' has",
                remedy: "leave it out, or name it with --ignore"
            )
        }
        (rowCount, rowsOf) = (rows, name)
        valuesLeft -= header.elementCount
        if header.shape.count == 1 {
            columns.append(DataColumn(name: name, values: Self.scalars(array.elements)))
            return
        }
        if header.isFortranOrder, header.shape.count > 2 {
            throw ArtifactError(
                file,
                "array '\(name)'",
                found: "elements in Fortran's order",
                remedy: "save numpy.ascontiguousarray(array)"
            )
        }
        let width = header.shape.dropFirst().reduce(1, *)
        if case .texts(let texts) = array.elements {
            for column in 0..<width {
                var part = TextValues()
                for row in 0..<rows {
                    let place = header.isFortranOrder ? column * rows + row : row * width + column
                    let code = texts.codes[place]
                    part.append(code < 0 ? nil : texts.names[Int(code)])
                }
                columns.append(DataColumn(name: "\(name)_\(column)", values: .texts(part)))
            }
            return
        }
        let isTurned = header.isFortranOrder
        columns.append(
            DataColumn(
                name: name,
                values: .tensors(
                    TensorValues(
                        shape: Array(header.shape.dropFirst()),
                        elements: Self.tensor(array.elements, rows, width, isTurned)
                    )
                )
            )
        )
    }

    private static func scalars(_ elements: NPYArray.Elements) -> DataColumn.Values {
        switch elements {
        case .none: .reals([], isSingle: false)
        case .singles(let values): .reals(values.map(Double.init), isSingle: true)
        case .doubles(let values): .reals(values, isSingle: false)
        case .integers(let values): .integers(values)
        case .booleans(let values): .booleans(values)
        case .texts(let values): .texts(values)
        }
    }

    private static func tensor(
        _ elements: NPYArray.Elements,
        _ rows: Int,
        _ width: Int,
        _ isTurned: Bool
    ) -> TensorValues.Elements {
        func inOrder<Value>(_ values: [Value]) -> [Value] {
            guard isTurned else { return values }
            return values.indices.map { values[$0 % width * rows + $0 / width] }
        }
        return switch elements {
        case .none, .texts: .doubles([])
        case .singles(let values): .singles(inOrder(values))
        case .doubles(let values): .doubles(inOrder(values))
        case .integers(let values): .integers(inOrder(values))
        case .booleans(let values): .integers(inOrder(values.map { $0 ? 1 : 0 }))
        }
    }

    private func table() throws(ArtifactError) -> DataTable {
        guard let rowCount, !columns.isEmpty else {
            throw ArtifactError(file, found: "no array with rows")
        }
        var table = DataTable(file: file, rowCount: rowCount, columns: columns)
        table.matrixNames = names
        table.ignored = ignored
        return table
    }
}
