// SPDX-License-Identifier: Apache-2.0
import Artifacts
import JSON

/// The protocol's free `parameters`; those that Serin acts on are kept, the rest are passed over.
struct RequestParameters {
    var timeout: Duration?
    var binaryDataSize: Int?
    var binaryData: Bool?
    var binaryDataOutput: Bool?

    /// Reads an object of strings, numbers and booleans.
    mutating func decode(_ body: Span<UInt8>, _ scanner: inout JSONScanner) throws {
        guard try scanner.peekKind(in: body) == .object else {
            throw Failure.wrongForm("'parameters' must be an object")
        }
        var seen = SeenKeys()
        try scanner.enterObject(in: body)
        while let key = try scanner.nextMember(in: body) {
            if key.equals("timeout", in: body) {
                try seen.claim(0, "timeout")
                timeout = .microseconds(try count("timeout", body, &scanner))
            } else if key.equals("binary_data_size", in: body) {
                try seen.claim(1, "binary_data_size")
                binaryDataSize = try count("binary_data_size", body, &scanner)
            } else if key.equals("binary_data", in: body) {
                try seen.claim(2, "binary_data")
                binaryData = try flag("binary_data", body, &scanner)
            } else if key.equals("binary_data_output", in: body) {
                try seen.claim(3, "binary_data_output")
                binaryDataOutput = try flag("binary_data_output", body, &scanner)
            } else if key.equals("classification", in: body) {
                throw Failure(
                    400,
                    "not_supported",
                    .data,
                    "the classification extension is not supported; ask for the output itself"
                )
            } else if key.equals("shared_memory_region", in: body) {
                // Passed over, it would leave who reads the region with what was there before.
                throw Failure(
                    400,
                    "not_supported",
                    .data,
                    "shared memory is not supported; send and take tensors in the body, best in "
                        + "binary form"
                )
            } else {
                try scanner.skipValue(in: body)
            }
        }
    }

    private func count(
        _ name: String,
        _ body: Span<UInt8>,
        _ scanner: inout JSONScanner
    ) throws -> Int {
        guard try scanner.peekKind(in: body) == .number,
            let value = try scanner.readNumber(in: body).int64, value >= 0
        else {
            throw Failure.wrongForm("parameter '\(name)' must be a whole number from 0 on")
        }
        return Int(value)
    }

    private func flag(
        _ name: String,
        _ body: Span<UInt8>,
        _ scanner: inout JSONScanner
    ) throws -> Bool {
        switch try scanner.peekKind(in: body) {
        case .bool: return try scanner.readBool(in: body)
        default: throw Failure.wrongForm("parameter '\(name)' must be true or false")
        }
    }
}
