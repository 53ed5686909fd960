// SPDX-License-Identifier: Apache-2.0
import HTTP

/// The route of a request and what stood in its path's places.
struct Matched<Route> {
    let route: Route
    let parameters: RouteParameters

    /// Finds the route or says why none fits; `guide` says what the port has instead.
    init(_ router: Router<Route>, _ request: RequestHead, guide: String) throws(Failure) {
        do throws(RouteMiss) {
            (route, parameters) = try router.find(request)
        } catch {
            throw Self.failure(error, guide)
        }
    }

    private static func failure(_ miss: RouteMiss, _ guide: String) -> Failure {
        switch miss {
        case .notFound:
            return Failure(404, "not_found", .data, "nothing is served at this path; \(guide)")
        case .methodNotAllowed(let allow):
            var failure = Failure(
                405,
                "method_not_allowed",
                .data,
                "this path takes \(allow) only; \(guide)"
            )
            failure.headers = ["allow": allow]
            return failure
        case .options(let allow):
            var answer = Failure(204, "options", .data, "")
            answer.headers = ["allow": allow]
            return answer
        }
    }
}
