// SPDX-License-Identifier: Apache-2.0
import HTTP

/// What the operations port answers.
enum OperationsRoute: PortRoute, Sendable {
    case console, metrics, status
    case override, setOverride, clearOverride
    case canary, breaker, events, index, reload
    case versions, rollback, promote, pin, setPin, clearPin, load, unload
    case rollout, startRollout, stopRollout
    case live, ready, startup

    static let guide =
        "this is the operations port: GET /v1/status, /v1/events and /metrics, orders under "
        + "/v1/models/{model}/ and /v2/repository/; predictions are on the inference port"

    static let router: Router<OperationsRoute> = {
        var router = Router<OperationsRoute>()
        router.add(.get, "/", .console)
        router.add(.get, "/metrics", .metrics)
        router.add(.get, "/v1/status", .status)
        router.add(.get, "/v1/models/{model}/override", .override)
        router.add(.put, "/v1/models/{model}/override", .setOverride)
        router.add(.delete, "/v1/models/{model}/override", .clearOverride)
        router.add(.post, "/v1/models/{model}/canary", .canary)
        router.add(.post, "/v1/models/{model}/breaker", .breaker)
        router.add(.get, "/v1/events", .events)
        router.add(.post, "/v1/reload", .reload)
        router.add(.get, "/v1/models/{model}/versions", .versions)
        router.add(.post, "/v1/models/{model}/rollback", .rollback)
        router.add(.post, "/v1/models/{model}/promote", .promote)
        router.add(.get, "/v1/models/{model}/pin", .pin)
        router.add(.put, "/v1/models/{model}/pin", .setPin)
        router.add(.delete, "/v1/models/{model}/pin", .clearPin)
        router.add(.get, "/v1/models/{model}/rollout", .rollout)
        router.add(.put, "/v1/models/{model}/rollout", .startRollout)
        router.add(.delete, "/v1/models/{model}/rollout", .stopRollout)
        router.add(.post, "/v2/repository/index", .index)
        router.add(.post, "/v2/repository/models/{model}/load", .load)
        router.add(.post, "/v2/repository/models/{model}/unload", .unload)
        addProbes(to: &router, live: .live, ready: .ready, startup: .startup)
        return router
    }()

    /// Whether the call changes what the daemon does, and so needs a token.
    var changesState: Bool {
        switch self {
        case .setOverride, .clearOverride, .canary, .breaker, .reload: true
        case .rollback, .promote, .setPin, .clearPin, .load, .unload: true
        case .startRollout, .stopRollout: true
        default: false
        }
    }
}
