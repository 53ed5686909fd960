// SPDX-License-Identifier: Apache-2.0
import Glibc
import Platform

extension DataTable {
    /// Reads a file of rows: CSV, JSON lines, a JSON list of objects, `.npz` or `.npy`.
    ///
    /// - Throws: what is wrong with it, where, and what to do.
    package static func read(
        path: String,
        options: DataOptions = DataOptions()
    ) throws(ArtifactError) -> DataTable {
        let mapping: MappedFile
        do throws(SystemError) {
            guard try fileStatus(of: path).kind == .regular else {
                throw SystemError(call: "mmap", errno: EINVAL, subject: path)
            }
            mapping = try MappedFile(path: path)
        } catch {
            guard error.errno != EINVAL else {
                throw ArtifactError(
                    path,
                    found: "a folder, pipe, socket or device",
                    expected: "a file of rows"
                )
            }
            throw ArtifactError(path, found: error.reason, expected: "a file of rows")
                .because(of: .system)
        }
        let table = try mapping.withBytes { (bytes) throws(ArtifactError) in
            try parse(bytes, file: path, options: options)
        }
        guard !mapping.isDamaged else {
            throw ArtifactError(path, found: "cut while it was read")
        }
        return table
    }

    /// Reads the bytes of such a file; `file` is what to call it.
    package static func parse(
        _ bytes: Span<UInt8>,
        file: String,
        options: DataOptions = DataOptions()
    ) throws(ArtifactError) -> DataTable {
        guard bytes.count > 0 else { throw ArtifactError(file, found: "an empty file") }
        func starts(with mark: [UInt8]) -> Bool {
            bytes.count >= mark.count && mark.indices.allSatisfy { bytes[$0] == mark[$0] }
        }
        if starts(with: Array("PK".utf8)) {
            var reader = NPZReader(file: file, options: options)
            return try reader.read(bytes)
        }
        if starts(with: [0x93] + Array("NUMPY".utf8)) {
            var reader = NPZReader(file: file, options: options)
            return try reader.readArray(bytes)
        }
        let unreadable: [([UInt8], String, String)] = [
            (
                Array("PAR1".utf8), "a Parquet file",
                "write rows with frame.to_csv(file, index=False)"
            ),
            ([0x80], "a Python pickle", "write rows with frame.to_csv(file, index=False)"),
            ([0x1F, 0x8B], "a gzip file", "unpack it with gunzip"),
            ([0x28, 0xB5, 0x2F, 0xFD], "a Zstandard file", "unpack it with unzstd"),
            ([0xFF, 0xFE], "text in UTF-16", "save it as UTF-8"),
            ([0xFE, 0xFF], "text in UTF-16", "save it as UTF-8"),
        ]
        for (mark, found, remedy) in unreadable where starts(with: mark) {
            throw ArtifactError(
                file,
                found: found,
                expected: "CSV, JSON lines, a JSON list, .npz or .npy",
                remedy: remedy
            )
        }
        var first = 0
        while first < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[first]) { first += 1 }
        if first < bytes.count, [UInt8(ascii: "{"), UInt8(ascii: "[")].contains(bytes[first]) {
            var reader = JSONRowsReader(file: file, options: options)
            return try reader.read(bytes)
        }
        var reader = CSVReader(file: file, options: options)
        return try reader.read(bytes)
    }
}
