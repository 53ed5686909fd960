// SPDX-License-Identifier: Apache-2.0
import Artifacts
package import Guards
package import HTTP
import JSON

/// Why a request was refused, in the form that clients get.
package struct Failure: Error, Sendable {
    /// Whose fault it is.
    package enum Category: String, Sendable {
        case data, model, system, infrastructure
    }

    package var status: Int
    package var code: String
    package var category: Category
    package var sentence: String
    /// The sentence without what the contract allows, where it says that.
    private var brief: String?
    package var details: [Violation] = []
    /// How many violations there are in all; `details` holds the first of them.
    package var detailCount = 0
    package var headers: HeaderFields = [:]
    /// The known model that it is about, where no version of it was found.
    package var model: String?

    package init(_ status: Int, _ code: String, _ category: Category, _ sentence: String) {
        self.status = status
        self.code = code
        self.category = category
        self.sentence = sentence
    }

    /// The answer to the client; `showsDetails` off keeps values and hints out of it.
    package func response(requestID: String, showsDetails: Bool = true) -> Response {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("error")
        writer.string(showsDetails ? sentence : brief ?? sentence)
        writer.key("code")
        writer.string(code)
        writer.key("category")
        writer.string(category.rawValue)
        writer.key("request_id")
        writer.string(requestID)
        if !details.isEmpty && showsDetails {
            writer.key("details")
            writer.beginArray()
            for detail in details { write(detail, to: &writer) }
            writer.endArray()
            writer.key("details_total")
            writer.number(Int64(detailCount))
        }
        writer.endObject()
        var response = Response(
            status: status,
            headers: ["content-type": "application/json"],
            body: writer.bytes
        )
        response.headers.append(contentsOf: headers)
        return response
    }

    private func write(_ detail: Violation, to writer: inout JSONWriter) {
        writer.beginObject()
        if let feature = detail.feature {
            writer.key("feature")
            writer.string(feature)
        }
        if let row = detail.row {
            writer.key("row")
            writer.number(Int64(row))
        }
        if let value = detail.value {
            writer.key("value")
            writer.string(value)
        }
        writer.key("problem")
        writer.string(detail.problem)
        writer.key("code")
        writer.string(detail.code.rawValue)
        if let hint = detail.hint {
            writer.key("hint")
            writer.string(hint)
        }
        writer.endObject()
    }
}

extension Failure {
    /// A request that breaks the contract, with everything that is wrong with it.
    package static func violations(_ violations: Violations) -> Failure {
        let first = violations.details.first
        let brief = first.map(Self.sentence) ?? "the request breaks the contract"
        let hint = first?.hint.map { "; " + $0 } ?? ""
        let more = violations.total > 1 ? " (and \(violations.total - 1) more)" : ""
        var failure = Failure(
            400,
            first?.code.rawValue ?? "contract_violation",
            .data,
            brief + hint + more
        )
        failure.brief = brief + more
        failure.details = violations.details
        failure.detailCount = violations.total
        return failure
    }

    private static func sentence(_ violation: Violation) -> String {
        var text = violation.problem
        if let feature = violation.feature {
            text =
                "feature '\(feature)'" + (violation.row.map { ", row \($0)" } ?? "") + ": " + text
        }
        return text
    }

    static func malformed(_ error: JSONError) -> Failure {
        Failure(400, "malformed_json", .data, "the body is not JSON: \(error)")
    }

    package static func overloaded(_ sentence: String) -> Failure {
        var failure = Failure(503, "overloaded", .system, sentence)
        failure.headers = ["retry-after": "1"]
        return failure
    }

    /// A client asks more often than it may.
    static func tooManyRequests(from client: Client, waitFor seconds: Double) -> Failure {
        let who =
            switch client.kind {
            case .token: "the token '\(client.name)'"
            case .certificate: "the certificate of '\(client.name)'"
            case .address: "this address"
            }
        let wait = Int(min(max(seconds.rounded(.up), 1), 3600))
        var failure = Failure(
            429,
            "too_many_requests",
            .data,
            "\(who) asks more often than 'rate_limit.requests_per_second' allows; try again in "
                + "\(wait) s"
        )
        failure.headers = ["retry-after": "\(wait)"]
        return failure
    }

    /// The request took longer than the nanoseconds that it was allowed.
    package static func deadlinePassed(_ allowance: UInt64) -> Failure {
        let limit = Duration.nanoseconds(Int64(clamping: allowance))
        return Failure(504, deadlineCode, .system, "the request's deadline of \(limit) passed")
    }

    /// The model was still running; `place` says where it was stopped.
    static func interrupted(_ place: String) -> Failure {
        Failure(504, deadlineCode, .system, "the model was stopped: \(place)")
    }

    static let deadlineCode = "deadline_exceeded"
}
