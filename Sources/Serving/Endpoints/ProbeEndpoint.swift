// SPDX-License-Identifier: Apache-2.0
import Guards
import HTTP
import Telemetry
import JSON

/// Answers `/livez`, `/readyz` and `/startupz` in the manner of Kubernetes' own servers.
struct ProbeEndpoint: Sendable {
    enum Probe: Sendable { case live, ready, startup }

    let readiness: Readiness

    /// `only` is the one check, or kind of checks, that `/readyz/<check>` names.
    func answer(
        _ probe: Probe,
        _ request: RequestHead,
        _ marks: RequestMarks,
        only: String? = nil
    ) -> Response {
        do throws(Failure) {
            return marks.stamp(try verdict(probe, request, only: only))
        } catch {
            return marks.stamp(error.response(requestID: marks.requestID.text))
        }
    }

    private func verdict(
        _ probe: Probe,
        _ request: RequestHead,
        only: String?
    ) throws(Failure) -> Response {
        var checks: [HealthCheck]
        switch probe {
        case .live:
            checks = [HealthCheck(name: "ping", isOK: true, message: "the event loop answers")]
        case .ready: checks = readiness.checks()
        case .startup: checks = readiness.checks().filter { $0.name == "startup" }
        }
        if let only {
            checks = checks.filter { $0.name == only || $0.kind == only }
            guard !checks.isEmpty else {
                throw Failure(
                    404,
                    "unknown_check",
                    .data,
                    "there is no check '\(Violations.shortened(only))'"
                )
            }
        }
        let isOK = checks.allSatisfy { $0.isOK || $0.isWarning }
        let status = isOK ? 200 : 503
        if request.accepts("application/json") || request.queryValue("format") == "json" {
            return json(checks, status)
        }
        let isVerbose = only != nil || !isOK || request.queryValue("verbose") != nil
        var text = ""
        if isVerbose {
            for check in checks { text += line(check) }
            text += "\(name(probe)) check \(isOK ? "passed" : "failed")\n"
        } else {
            text = "ok\n"
        }
        return Response(
            status: status,
            headers: [
                "content-type": "text/plain; charset=utf-8", "cache-control": "no-store",
            ],
            body: Array(text.utf8)
        )
    }

    private func name(_ probe: Probe) -> String {
        switch probe {
        case .live: "livez"
        case .ready: "readyz"
        case .startup: "startupz"
        }
    }

    private func line(_ check: HealthCheck) -> String {
        var text = check.isOK ? "[+]" : check.isWarning ? "[!]" : "[-]"
        text += check.name + (check.isOK ? " ok" : check.isWarning ? " warning" : " failed")
        text += ": " + check.message
        if let age = check.age { text += " age=\(rounded(age))s" }
        if let measure = check.measure { text += " measure=\(measure)" }
        if let limit = check.limit { text += " limit=\(limit)" }
        return text + "\n"
    }

    private func rounded(_ seconds: Double) -> Double { (seconds * 1000).rounded() / 1000 }

    private func json(_ checks: [HealthCheck], _ status: Int) -> Response {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("status")
        writer.string(status == 200 ? "pass" : "fail")
        writer.key("checks")
        writer.beginArray()
        for check in checks { check.write(to: &writer) }
        writer.endArray()
        writer.endObject()
        return Response(
            status: status,
            headers: ["content-type": "application/json", "cache-control": "no-store"],
            body: writer.bytes
        )
    }
}

extension HealthCheck {
    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.key("name")
        writer.string(name)
        writer.key("ok")
        writer.bool(isOK)
        writer.key("warning")
        writer.bool(isWarning && !isOK)
        if let age, age.isFinite {
            writer.key("age_seconds")
            writer.number(age)
        }
        if let measure, measure.isFinite {
            writer.key("measure")
            writer.number(measure)
        }
        if let limit, limit.isFinite {
            writer.key("limit")
            writer.number(limit)
        }
        writer.key("message")
        writer.string(message)
        writer.endObject()
    }
}
