// SPDX-License-Identifier: Apache-2.0
import Guards
import HTTP
import JSON
import Testing

@testable import Serving

@Suite struct FailureTests {
    private func violations(_ count: Int) -> Violations {
        var violations = Violations()
        for row in 0..<count {
            violations.record(
                .unknownCategory,
                "unknown category",
                feature: "cut",
                row: row,
                value: "Idael\n",
                hint: "did you mean 'Ideal'?"
            )
        }
        return violations
    }

    private func document(_ response: Response) throws -> JSONValue {
        #expect(response.headers["content-type"] == "application/json")
        return try parseJSON(response.body)
    }

    @Test func `a violation names feature, row, value and hint`() throws {
        let body = try document(Failure.violations(violations(1)).response(requestID: "r1"))
        #expect(body["code"] == "unknown_category")
        #expect(body["category"] == "data")
        #expect(body["request_id"] == "r1")
        #expect(body["details_total"] == 1)
        let detail = try #require(body["details"]?.asArray?.first)
        #expect(detail["feature"] == "cut")
        #expect(detail["row"] == 0)
        #expect(detail["hint"] == "did you mean 'Ideal'?")
        #expect(detail["value"] == #"Idael\u{a}"#)
        #expect(body["error"]?.asString?.contains("feature 'cut', row 0") ?? false)
    }

    @Test func `twenty violations are told and all are counted`() throws {
        let failure = Failure.violations(violations(31))
        let body = try document(failure.response(requestID: ""))
        #expect(body["details"]?.asArray?.count == 20)
        #expect(body["details_total"] == 31)
        #expect(body["error"]?.asString?.contains("(and 30 more)") ?? false)
        let brief = try document(failure.response(requestID: "", showsDetails: false))
        #expect(brief["details"] == nil)
        let sentence = "feature 'cut', row 0: unknown category (and 30 more)"
        #expect(brief["error"]?.asString == sentence, "and strangers do not learn what is allowed")
    }

    @Test func `a client's text cannot leave its quotes`() throws {
        let nasty = "\"}\r\nset-cookie: a\u{0}\u{2028}é"
        let failure = Failure(400, "test", .data, nasty)
        let response = failure.response(requestID: nasty)
        #expect(!response.body.contains { $0 < 0x20 })
        let body = try parseJSON(response.body)
        #expect(body["error"]?.asString == nasty)
        #expect(body["request_id"]?.asString == nasty)
    }

    static let waits: [(failure: Failure, status: Int, category: String)] = [
        (.overloaded("full"), 503, "system"), (.deadlinePassed(1_000_000_000), 504, "system"),
        (.noRows, 400, "data"), (.tooManyRows(3), 413, "data"),
    ]

    @Test(arguments: waits)
    func `whose fault it is shows in status and category`(
        failure: Failure,
        status: Int,
        category: String
    ) throws {
        let response = failure.response(requestID: "")
        #expect(response.status == status)
        #expect(try parseJSON(response.body)["category"]?.asString == category)
        #expect(
            (response.headers["retry-after"] != nil) == (failure.code == "overloaded")
        )
    }
}
