// SPDX-License-Identifier: Apache-2.0
import Artifacts
import Guards
import HTTP
import JSON
import Platform
import Telemetry

/// Answers what concerns versions: which there are, and orders to load, unload, swap and go back.
struct VersionOrders {
    let daemon: DaemonParts
    let marks: RequestMarks
    let exchange: Exchange

    /// Answers the calls that are meant for it; nil for all others.
    func reply(
        _ match: Matched<OperationsRoute>,
        _ body: Span<UInt8>,
        _ caller: String
    ) throws(Failure) -> Reply? {
        switch match.route {
        case .index: return .now(marks.stamp(try index(body)))
        case .versions: return .now(marks.stamp(json(page(try daemon.host(match)))))
        case .pin: return .now(marks.stamp(json(pinDocument(try daemon.host(match)))))
        case .rollback: return .now(marks.stamp(try rollBack(match, body, caller)))
        case .promote: return try promote(match, body, caller)
        case .setPin: return try pin(match, body, caller)
        case .clearPin:
            let host = try daemon.host(match)
            try keeper.unpin(host, by: caller, completion(host))
            return .later
        case .rollout:
            let host = try daemon.host(match)
            return .now(marks.stamp(json(RolloutPage(host: host).document(at: .now))))
        case .startRollout:
            let host = try daemon.host(match)
            let order = try order(body, needsVersion: true)
            try keeper.rollOut(
                order.version ?? 0,
                of: host,
                by: caller,
                reason: order.reason,
                completion(host)
            )
            return .later
        case .stopRollout:
            let host = try daemon.host(match)
            let reason =
                body.isEmpty ? "stopped by \(caller)" : try order(body, needsVersion: false).reason
            guard let isKept = try keeper.abandon(host, by: caller, reason: reason) else {
                let answers = host.labels.active.map { "; version \($0) answers" } ?? ""
                throw .conflict(
                    "no rollout of model '\(host.name)' is under way" + answers,
                    host
                )
            }
            return .now(marks.stamp(page(host, isKept: isKept)))
        case .load:
            try checkParameters(body, known: [])
            let name = match.parameters["model"] ?? ""
            guard ArtifactIdentity.isName(name) else {
                throw Failure(
                    404,
                    "unknown_model",
                    .data,
                    "'\(Violations.shortened(name))' is no model's name; expected \(ArtifactIdentity.nameRule)"
                )
            }
            try keeper.load(name, by: caller, completion(nil, name))
            return .later
        case .unload:
            let host = try daemon.host(match)
            // No model depends on another.
            try checkParameters(body, known: ["unload_dependents"])
            try keeper.unload(host, by: caller, completion(host))
            return .later
        default: return nil
        }
    }

    private var keeper: VersionKeeper {
        get throws(Failure) {
            guard let keeper = daemon.versions.withLock({ $0 }) else {
                throw Failure(503, "starting", .system, "models are still being loaded; try again")
            }
            return keeper
        }
    }

    /// Answers with what the model's versions are now, or with why the order is not carried out.
    private func completion(_ host: ModelHost?, _ name: String = "") -> VersionKeeper.Completion {
        { result in
            switch result {
            case .success:
                let host = host ?? daemon.registry.host(name)
                let isKept = !daemon.store.isBehind
                let answer = host.map { page($0, isKept: isKept) } ?? json(.object([]))
                exchange.complete(marks.stamp(answer))
            case .failure(let failure):
                exchange.complete(marks.stamp(failure.response(requestID: marks.requestID.text)))
            }
        }
    }

    // MARK: Orders

    /// At once, on the caller's thread: no load that is under way may hold a rollback up.
    private func rollBack(
        _ match: Matched<OperationsRoute>,
        _ body: Span<UInt8>,
        _ caller: String
    ) throws(Failure) -> Response {
        let host = try daemon.host(match)
        let order = try order(body, needsVersion: false)
        // What is new is what is on its way: to go back is to take it out of traffic.
        if order.version == nil || order.version == host.labels.active, host.rollout != nil,
            let isKept = try keeper.abandon(host, by: caller, reason: order.reason)
        {
            return page(host, isKept: isKept)
        }
        guard let active = host.labels.active, host.active != nil else {
            throw .conflict("no version of model '\(host.name)' answers", host)
        }
        let target = order.version.map { host.version($0) } ?? host.rollbackTarget()
        guard let target, target.version != active else {
            let wanted = order.version.map {
                $0 == active ? "it answers already" : "version \($0) is not in memory"
            }
            throw .conflict(
                "model '\(host.name)' cannot go back from version \(active): "
                    + (wanted ?? "no version before it is in memory that is right and not held")
                    + "; loaded: \(host.versions.map { String($0.version) }.joined(separator: ", "))"
                    + (order.version == nil ? heldSentence(host, besides: active) : "")
                    + "; serin promote \(host.name) N loads version N and lets it answer",
                host
            )
        }
        guard !target.isKnownBad(at: .now) || order.isForced else {
            throw .conflict(
                "version \(target.version) of model '\(host.name)' does not pass its golden records "
                    + "either; send \"force\": true to go there all the same, or order the fallback",
                host
            )
        }
        let swap = host.goBack(
            to: target.version,
            from: active,
            reason: order.reason,
            by: caller
        )
        guard let swap else {
            throw .conflict("another version answers meanwhile; look again", host)
        }
        // A version on its way beside the one that no longer answers is on no way.
        if host.rollout != nil { try keeper.endRollout(host, "superseded", .superseded) }
        daemon.noteSwap(swap, of: host, by: caller, reason: order.reason, isRollback: true)
        if let pin = host.labels.pin { daemon.notePin(pin, of: host) }
        let isKept = daemon.keepVersions()
        daemon.versions.withLock { $0 }?.tidy(host)
        return page(host, isKept: isKept)
    }

    /// The page of versions, and whether a restart would leave them so.
    private func page(_ host: ModelHost, isKept: Bool) -> Response {
        let kept = JSONMember(name: "kept", value: .bool(isKept))
        return json(.object((page(host).asObject ?? []) + [kept]))
    }

    private func promote(
        _ match: Matched<OperationsRoute>,
        _ body: Span<UInt8>,
        _ caller: String
    ) throws(Failure) -> Reply {
        let host = try daemon.host(match)
        let order = try order(body, needsVersion: true)
        try keeper.promote(
            order.version ?? 0,
            of: host,
            by: caller,
            reason: order.reason,
            completion(host)
        )
        return .later
    }

    private func pin(
        _ match: Matched<OperationsRoute>,
        _ body: Span<UInt8>,
        _ caller: String
    ) throws(Failure) -> Reply {
        let host = try daemon.host(match)
        let order = try order(body, needsVersion: false)
        guard let version = order.version ?? host.labels.active else {
            throw .conflict("no version of model '\(host.name)' answers that could be pinned", host)
        }
        let pin = VersionLabels.Pin(version: version, reason: order.reason, by: caller)
        try keeper.pin(pin, of: host, completion(host))
        return .later
    }

    /// Checks the protocol's `parameters` of a load or unload.
    ///
    /// None is passed over: who sends a configuration or files must not be told that it is done.
    private func checkParameters(_ body: Span<UInt8>, known: [String]) throws(Failure) {
        guard !body.isEmpty else { return }
        let problems = DocumentProblems()
        let reader = ObjectReader(try parse(body), problems: problems)
        let parameters = reader.value("parameters")
        reader.finish()
        if let parameters, parameters.asObject == nil {
            reader.report("parameters", "expected an object", hint: "send {} or nothing")
        }
        guard problems.isEmpty else { throw .problems(GuardProblems(problems.list)) }
        for member in parameters?.asObject ?? [] where !known.contains(member.name) {
            throw Failure(
                400,
                "not_supported",
                .data,
                "parameter '\(Violations.shortened(member.name))' is not supported; what lies in the models folder "
                    + "is loaded as it is, so put a version with other files there"
            )
        }
    }

    private struct Order {
        var version: Int?
        var reason: String
        var isForced: Bool
    }

    private func order(_ body: Span<UInt8>, needsVersion: Bool) throws(Failure) -> Order {
        let problems = DocumentProblems()
        let reader = ObjectReader(try parse(body), problems: problems)
        let order = Order(
            version: needsVersion || reader.has("version")
                ? reader.integer("version", in: 1 ... .max) : nil,
            reason: reader.string("reason"),
            isForced: reader.has("force") && reader.bool("force", default: false)
        )
        reader.finish()
        checkOrderText(order.reason, "reason", 1...500, reader)
        guard problems.isEmpty else { throw .problems(GuardProblems(problems.list)) }
        return order
    }

    // MARK: Pages

    /// Every version of a model that is known of, with its labels.
    private func page(_ host: ModelHost) -> JSONValue {
        let labels = host.labels
        var rows: [(number: Int, row: JSONValue)] = host.versions.map { version in
            let number = version.version
            let hold = labels.held[number]
            return (
                number,
                [
                    "version": .number(number), "state": "READY",
                    "labels": .array(labels.names(of: number).map { .string($0) }),
                    "reason": .string(hold?.reason ?? ""),
                    "digest": .string(version.artifact.digest),
                    "bytes": .number(version.claim.bytes),
                ]
            )
        }
        let waiting = host.waiting
        for (number, reason) in waiting where !rows.contains(where: { $0.number == number }) {
            rows.append(
                (
                    number,
                    [
                        "version": .number(number), "state": "LOADING",
                        "labels": .array(labels.names(of: number).map { .string($0) }),
                        "reason": .string(reason),
                    ]
                )
            )
        }
        for refusal in host.refusals {
            guard let number = Int(refusal.version), waiting[number] == nil else { continue }
            rows.append(
                (
                    number,
                    [
                        "version": .number(number), "state": "UNAVAILABLE",
                        "labels": .array(labels.names(of: number).map { .string($0) }),
                        "reason": .string(refusal.reason),
                    ]
                )
            )
        }
        return [
            "model": .string(host.name),
            // What answered last is remembered where nothing answers now.
            "active": host.active == nil ? .null : labels.active.map { .number($0) } ?? .null,
            "previous": labels.previous.map { .number($0) } ?? .null,
            "pin": pinDocument(host)["pin"] ?? .null,
            "unloaded": .bool(labels.isUnloaded),
            "policy": .string(daemon.settings.versions.policyText(of: host.name)),
            "versions": .array(rows.sorted { $0.number < $1.number }.map(\.row)),
        ]
    }

    /// Which versions in memory only an order by their number goes back to, and why.
    private func heldSentence(_ host: ModelHost, besides active: Int) -> String {
        let held = host.labels.held
        return host.versions.filter { $0.version != active }.map { version in
            guard let hold = held[version.version] else { return "" }
            return "; version \(version.version) is held (\(hold.reason)), and an order that names "
                + "it goes there all the same"
        }.joined()
    }

    private func pinDocument(_ host: ModelHost) -> JSONValue {
        let pin = host.labels.pin
        return [
            "model": .string(host.name),
            "pin": pin.map {
                [
                    "version": .number($0.version), "reason": .string($0.reason),
                    "by": .string($0.by),
                ]
            } ?? .null,
        ]
    }

    /// The Open Inference Protocol's index; `{"ready": true}` leaves out what cannot be asked.
    private func index(_ body: Span<UInt8>) throws(Failure) -> Response {
        var isOnlyReady = false
        if !body.isEmpty {
            let problems = DocumentProblems()
            let reader = ObjectReader(try parse(body), problems: problems)
            isOnlyReady = reader.bool("ready", default: false)
            reader.finish()
            guard problems.isEmpty else { throw .problems(GuardProblems(problems.list)) }
        }
        var rows: [JSONValue] = []
        for host in daemon.registry.hosts {
            for version in host.versions {
                rows.append([
                    "name": .string(host.name), "version": .string(String(version.version)),
                    "state": "READY", "reason": "",
                ])
            }
            guard !isOnlyReady else { continue }
            for refusal in host.refusals {
                rows.append([
                    "name": .string(host.name), "version": .string(refusal.version),
                    "state": "UNAVAILABLE", "reason": .string(refusal.reason),
                ])
            }
            if host.labels.isUnloaded {
                rows.append([
                    "name": .string(host.name), "state": "UNAVAILABLE", "reason": "unloaded",
                ])
            }
        }
        return json(.array(rows))
    }
}

extension Failure {
    static func conflict(_ sentence: String, _ host: ModelHost) -> Failure {
        var failure = Failure(409, "cannot_swap", .model, sentence)
        failure.model = host.name
        return failure
    }
}
