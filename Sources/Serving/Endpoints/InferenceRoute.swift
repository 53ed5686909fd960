// SPDX-License-Identifier: Apache-2.0
import HTTP

/// What the inference port answers, by method and path.
enum InferenceRoute: PortRoute, Sendable {
    case alive, document, serverLive, serverReady, serverMetadata
    case modelList, rowModelList
    case modelMetadata, modelReady, modelStatistics, rowModelStatus
    case infer, predict
    case live, ready, startup

    static let guide =
        "predictions are POST /v1/models/{model}:predict and POST /v2/models/{model}/infer, metadata "
        + "GET /v2/models/{model}; metrics and orders are on the operations port"

    static let router: Router<InferenceRoute> = {
        var router = Router<InferenceRoute>()
        router.add(.get, "/", .alive)
        router.add(.get, "/openapi.json", .document)
        router.add(.get, "/v2", .serverMetadata)
        router.add(.get, "/v2/health/live", .serverLive)
        router.add(.get, "/v2/health/ready", .serverReady)
        router.add(.get, "/v2/models", .modelList)
        router.add(.get, "/v1/models", .rowModelList)
        router.add(.get, "/v2/models/stats", .modelStatistics)
        for prefix in ["/v2/models/{model}", "/v2/models/{model}/versions/{version}"] {
            router.add(.get, prefix, .modelMetadata)
            router.add(.get, prefix + "/ready", .modelReady)
            router.add(.get, prefix + "/stats", .modelStatistics)
            router.add(.post, prefix + "/infer", .infer)
        }
        for prefix in ["/v1/models/{model}", "/v1/models/{model}/versions/{version}"] {
            router.add(.get, prefix, .rowModelStatus)
            router.add(.post, prefix + ":predict", .predict)
        }
        addProbes(to: &router, live: .live, ready: .ready, startup: .startup)
        return router
    }()
}

/// The probes are the same on both ports.
func addProbes<Route>(
    to router: inout Router<Route>,
    live: Route,
    ready: Route,
    startup: Route
) {
    router.add(.get, "/livez", live)
    router.add(.get, "/healthz", live)
    router.add(.get, "/readyz", ready)
    router.add(.get, "/readyz/{check}", ready)
    router.add(.get, "/startupz", startup)
}
