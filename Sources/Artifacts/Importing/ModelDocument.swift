// SPDX-License-Identifier: Apache-2.0
import JSON

/// A model file in JSON or in Universal Binary JSON: names and lists of numbers.
///
/// Both forms are read into the same tree. Lists of numbers, which are nearly all of a file, stay in
/// its bytes until they are asked for.
struct ModelDocument: Sendable {
    let bytes: [UInt8]
    /// What errors call the file.
    let fileName: String
    let root: Value

    /// Arrays and objects in each other, of which the libraries need a dozen.
    static let maximumDepth = 64

    indirect enum Value: Sendable {
        case null
        case bool(Bool)
        case integer(Int64)
        case real(Double)
        case text(String)
        case numbers(NumberRun)
        case list([Value])
        case object([String: Value])

        /// What this is, in words for an error.
        var kindName: String {
            switch self {
            case .null: "null"
            case .bool: "a boolean"
            case .integer, .real: "a number"
            case .text: "a string"
            case .numbers, .list: "an array"
            case .object: "an object"
            }
        }
    }

    /// Numbers that follow each other in the file.
    struct NumberRun: Sendable {
        enum Form: Sendable {
            /// A whole JSON array.
            case text
            case float32, float64, int8, uint8, int16, int32, int64

            /// Bytes a number takes.
            var width: Int {
                switch self {
                case .text, .int8, .uint8: 1
                case .int16: 2
                case .float32, .int32: 4
                case .float64, .int64: 8
                }
            }
        }
        let form: Form
        let range: Range<Int>
        let count: Int
    }

    /// The document's value as an object.
    func rootObject() throws(ArtifactError) -> ModelObject {
        guard case .object(let members) = root else {
            throw ArtifactError(
                ArtifactProblem(
                    file: fileName,
                    found: "is \(root.kindName)",
                    expected: "an object"
                )
            )
        }
        return ModelObject(document: self, path: "", members: members)
    }

    // MARK: Numbers

    /// The numbers of a run in single precision, each rounded once.
    func floats(_ run: NumberRun) -> [Float]? {
        let span = bytes.span
        switch run.form {
        case .text:
            var values: [Float] = []
            values.reserveCapacity(run.count)
            let isRead = eachNumber(of: run) { number, text in
                switch number {
                case .written(let token): values.append(token.float(in: text))
                case .word(let value): values.append(value)
                }
            }
            return isRead ? values : nil
        case .float32:
            return (0..<run.count).map {
                Float(bitPattern: UInt32(truncatingIfNeeded: span.bigEndian(run, $0)))
            }
        case .float64:
            return (0..<run.count).map { Float(Double(bitPattern: span.bigEndian(run, $0))) }
        case .int8, .uint8, .int16, .int32, .int64:
            return integers(run)?.map { Float($0) }
        }
    }

    /// The numbers of a run if all of them are whole.
    func integers(_ run: NumberRun) -> [Int]? {
        let span = bytes.span
        switch run.form {
        case .text:
            var values: [Int] = []
            values.reserveCapacity(run.count)
            var areWhole = true
            let isRead = eachNumber(of: run) { number, _ in
                guard case .written(let token) = number, let value = token.int64 else {
                    areWhole = false
                    return
                }
                values.append(Int(value))
            }
            return isRead && areWhole ? values : nil
        case .float32, .float64: return nil
        case .uint8: return (0..<run.count).map { Int(span.bigEndian(run, $0)) }
        case .int8, .int16, .int32, .int64:
            let spare = UInt64(64 - 8 * run.form.width)
            return (0..<run.count).map {
                Int(Int64(bitPattern: span.bigEndian(run, $0) << spare) >> Int64(spare))
            }
        }
    }

    /// Reads a JSON array of numbers again; whether it is one was seen when it was found.
    private func eachNumber(
        of run: NumberRun,
        _ body: (JSONModelNumber, Span<UInt8>) -> Void
    ) -> Bool {
        let text = bytes.span.extracting(run.range)
        var scanner = JSONScanner()
        do throws(JSONError) {
            try scanner.enterArray(in: text)
            while try scanner.nextElement(in: text) {
                body(try scanner.readModelNumber(in: text), text)
            }
            return true
        } catch {
            return false
        }
    }
}

extension Span<UInt8> {
    /// The bits of number `index` of a binary run, highest byte first.
    fileprivate func bigEndian(_ run: ModelDocument.NumberRun, _ index: Int) -> UInt64 {
        let start = run.range.lowerBound + index * run.form.width
        var bits: UInt64 = 0
        for place in start..<(start + run.form.width) { bits = bits << 8 | UInt64(self[place]) }
        return bits
    }
}
