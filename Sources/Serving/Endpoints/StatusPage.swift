// SPDX-License-Identifier: Apache-2.0
import Artifacts
import Engine
import Guards
import JSON
import Platform

/// Everything on one page: `GET /v1/status`.
struct StatusPage {
    let daemon: DaemonParts

    func document(at now: MonotonicClock.Instant = .now) -> JSONValue {
        let checks = daemon.readiness.checks(at: now)
        return [
            "version": .string(serinVersion),
            "uptime_seconds": .number((now - daemon.lifecycle.startedAt).seconds),
            "ready": .bool(checks.allSatisfy { $0.isOK || $0.isWarning }),
            "state_directory": .string(daemon.store.path),
            "checks": .array(checks.map(document)),
            "memory": memory(),
            "models": .array(daemon.registry.hosts.map { model($0, at: now) }),
            "strays": .array(daemon.registry.strays.map { .string($0) }),
        ]
    }

    private func document(_ check: HealthCheck) -> JSONValue {
        [
            "name": .string(check.name), "ok": .bool(check.isOK),
            "warning": .bool(check.isWarning && !check.isOK),
            "age_seconds": check.age.map { .number($0) } ?? .null,
            "measure": check.measure.map { .number($0) } ?? .null,
            "limit": check.limit.map { .number($0) } ?? .null,
            "message": .string(check.message),
        ]
    }

    private func memory() -> JSONValue {
        let budget = daemon.budget.withLock { $0 }
        return [
            "budget_bytes": .number(budget.total),
            "limit_bytes": daemon.memoryBound.map { .number($0.byteCount) } ?? .null,
            "limit_source": daemon.memoryBound.map { .string($0.source.rawValue) } ?? .null,
            "resident_bytes": residentByteCount().map { .number($0) } ?? .null,
            "items": .array(
                budget.items.map { ["name": .string($0.name), "bytes": .number($0.bytes)] }
            ),
        ]
    }

    private func model(_ host: ModelHost, at now: MonotonicClock.Instant) -> JSONValue {
        let wall = WallClock.now().epochSeconds
        let active = host.active
        return [
            "name": .string(host.name),
            "labels": host.labels.json,
            "versions": .array(
                host.versions.map { version($0, host, isActive: $0 === active, at: now) }
            ),
            "override": host.override(at: wall)?.json ?? .null,
            "queue_depth": .number(host.workers.depth),
            "refused": .array(
                host.refusals.map {
                    ["version": .string($0.version), "reason": .string($0.reason)]
                }
            ),
        ]
    }

    private func version(
        _ version: ModelVersion,
        _ host: ModelHost,
        isActive: Bool,
        at now: MonotonicClock.Instant
    ) -> JSONValue {
        let state = version.guards.withLock { $0 }
        let mode = host.overrideMode(at: WallClock.now().epochSeconds)
        let breaker = state.breaker.snapshot(at: now)
        let decision = Decision.beforeInference(
            ModelSituation(
                override: mode,
                integrityFailed: state.integrityFailure != nil,
                canary: state.canary.verdict(at: now),
                driftActs: false
            ),
            RowSituation(
                isAdmitted: breaker.state == .closed || breaker.state == .halfOpen,
                isValid: true,
                killSwitchHolds: false
            )
        )
        let counts = version.metrics.totals
        return [
            "version": .number(version.version), "active": .bool(isActive), "state": "READY",
            "stage": .string(version.artifact.stage.rawValue),
            "signature": version.artifact.signature.document,
            "source": .string(
                decision.source == .fallback && version.fallback.isEmpty
                    ? "none" : decision.source.rawValue
            ),
            "guard": .string(decision.guardName.rawValue),
            "canary": [
                "verdict": .string(state.canary.verdict(at: now).rawValue),
                "age_seconds": state.canary.age(at: now).map { .number($0.seconds) } ?? .null,
                "max_deviation": state.canary.lastDeviation.map { .number($0) } ?? .null,
                "tolerance": .number(version.contract.canary.tolerance),
                "records": .number(version.canaryCase.recordCount),
                "fallback_proven": .bool(state.isFallbackProven),
            ],
            "breaker": [
                "state": .string(breaker.state.rawValue),
                "refused_ratio": .number(
                    breaker.counted == 0 ? 0 : Double(breaker.refused) / Double(breaker.counted)
                ),
                "counted": .number(breaker.counted),
                "window": .number(version.contract.breaker.window),
                "reason": breaker.reason.map { .string($0) } ?? .null,
            ],
            "integrity": [
                "verdict": .string(
                    state.revocation != nil
                        ? "revoked" : state.fileFailure == nil ? "intact" : "changed"
                ),
                "finding": state.integrityFailure.map { .string($0) } ?? .null,
                "checked_at": state.integrityCheckedAt.map { .string($0.description) } ?? .null,
            ],
            "requests": [
                "total": .number(counts.requests), "model": .number(counts.modelRows),
                "fallback": .number(counts.fallbackRows),
            ],
            "arena": [
                "bytes": .number(version.program.plan.arenaByteCount),
                "high_water_bytes": .number(version.program.plan.peak),
                "count": .number(version.pool.count + 1),
            ],
        ]
    }
}
