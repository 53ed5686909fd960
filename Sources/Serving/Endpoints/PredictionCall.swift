// SPDX-License-Identifier: Apache-2.0
import HTTP
import Platform

/// One prediction that was asked for, with all that is needed after its request is gone.
struct PredictionCall: ~Copyable, Sendable {
    let form: PredictionForm
    let host: ModelHost
    let version: ModelVersion
    /// The rollout that chose the version.
    let rollout: Rollout?
    let marks: RequestMarks
    /// How much of the body is JSON.
    let jsonByteCount: Int
    /// When its first byte came, in nanoseconds of `MonotonicClock`.
    let arrival: UInt64
    /// The nanoseconds that the request may take in all.
    let allowance: UInt64

    var deadline: UInt64 { arrival &+ allowance }

    init(
        _ form: PredictionForm,
        _ host: ModelHost,
        _ version: ModelVersion,
        _ rollout: Rollout?,
        _ marks: RequestMarks,
        _ request: RequestHead,
        _ bodyByteCount: Int,
        longest: UInt64
    ) throws(Failure) {
        let allowance = min(longest, try Self.timeout(request) ?? longest)
        let jsonByteCount = try Self.jsonByteCount(form, request, bodyByteCount)
        self.form = form
        self.host = host
        self.version = version
        self.rollout = rollout
        self.marks = marks
        self.jsonByteCount = jsonByteCount
        self.allowance = allowance
        arrival = request.arrival
    }

    /// The least of the times that the client's headers allow.
    private static func timeout(
        _ request: RequestHead
    ) throws(Failure) -> UInt64? {
        var timeout: UInt64?
        if let text = request.header("serin-timeout-ms") {
            guard let milliseconds = Int32(text), milliseconds > 0 else {
                throw .wrongForm(
                    "the header serin-timeout-ms must be a whole number of milliseconds from 1 to "
                        + "\(Int32.max)"
                )
            }
            timeout = UInt64(milliseconds) * 1_000_000
        }
        if let text = request.header("grpc-timeout") {
            guard let nanoseconds = Self.nanoseconds(grpcTimeout: text) else {
                throw .wrongForm(
                    "the header grpc-timeout must be up to 8 digits and a unit: H, M, S, m, u or n"
                )
            }
            timeout = min(timeout ?? nanoseconds, nanoseconds)
        }
        return timeout
    }

    /// Reads a timeout as gRPC over HTTP/2 writes it: `100m` is 100 milliseconds.
    static func nanoseconds(grpcTimeout text: String) -> UInt64? {
        let digits = text.utf8.dropLast()
        guard 1...8 ~= digits.count, digits.allSatisfy({ 0x30...0x39 ~= $0 }),
            let value = UInt64(text.dropLast())
        else { return nil }
        let unit: UInt64
        switch text.last {
        case "H": unit = 3_600_000_000_000
        case "M": unit = 60_000_000_000
        case "S": unit = 1_000_000_000
        case "m": unit = 1_000_000
        case "u": unit = 1000
        case "n": unit = 1
        default: return nil
        }
        // The hours of eight digits are more than 64 bits hold, and longer than anything is waited for.
        let (nanoseconds, overflows) = value.multipliedReportingOverflow(by: unit)
        return overflows ? .max : nanoseconds
    }

    /// Checks the media type and splits the JSON from the binary tensors.
    private static func jsonByteCount(
        _ form: PredictionForm,
        _ request: RequestHead,
        _ bodyByteCount: Int
    ) throws(Failure) -> Int {
        let header = request.header("inference-header-content-length")
        let isKnown = request.withHeader("content-type") { value in
            value.isMediaType("application/json")
                || form == .tensors && value.isMediaType("application/octet-stream")
        }
        guard isKnown ?? true else { throw unsupported(form, request) }
        guard let header else { return bodyByteCount }
        // `Int` takes a sign as well, which a number of bytes has not.
        guard form == .tensors, header.utf8.allSatisfy({ 0x30...0x39 ~= $0 }),
            let count = Int(header), count <= bodyByteCount
        else {
            throw .wrongForm(
                "inference-header-content-length must be the number of JSON bytes, from 0 to the "
                    + "body's \(bodyByteCount)"
            )
        }
        // The protocol's raw form, where nothing says what the bytes are.
        guard count > 0 else {
            throw Failure(
                400,
                "not_supported",
                .data,
                "inference-header-content-length: 0 asks for a request without JSON, which is not "
                    + "supported; send JSON that names the inputs, and its length in this header"
            )
        }
        return count
    }

    private static func unsupported(_ form: PredictionForm, _ request: RequestHead) -> Failure {
        let type = request.header("content-type")?.prefix { $0 != ";" } ?? ""
        return Failure(
            415,
            "unsupported_media_type",
            .data,
            "the media type '\(type.prefix(80))' is not supported; send application/json"
                + (form == .tensors ? " or application/octet-stream" : "")
        )
    }
}
