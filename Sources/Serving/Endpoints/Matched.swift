// SPDX-License-Identifier: Apache-2.0
import HTTP

/// The route of a request and what stood in its path's places.
struct Matched<Route> {
    let route: Route
    let parameters: RouteParameters

    /// Finds the route or says why none fits.
    init(_ router: Router<Route>, _ request: RequestHead) throws(Failure) {
        switch router.match(request) {
        case .found(let route, let parameters):
            self.route = route
            self.parameters = parameters
        case .notFound:
            throw Failure(
                404,
                "not_found",
                .data,
                "nothing is served at this path; predictions are POST /v1/models/{model}:predict and "
                    + "POST /v2/models/{model}/infer, metadata GET /v2/models/{model}"
            )
        case .methodNotAllowed(let allow):
            var failure = Failure(
                405,
                "method_not_allowed",
                .data,
                "this path takes \(allow) only"
            )
            failure.headers = ["allow": allow]
            throw failure
        case .options(let allow):
            var answer = Failure(204, "options", .data, "")
            answer.headers = ["allow": allow]
            throw answer
        }
    }
}
