// SPDX-License-Identifier: Apache-2.0
import HTTP

/// What a port answers.
protocol PortRoute: Sendable {
    /// What to ask for instead of a path that is not there.
    static var guide: String { get }
}

/// The route of a request and what stood in its path's places.
struct Matched<Route: PortRoute>: Sendable {
    let route: Route
    let parameters: RouteParameters

    /// Finds the route or says why none fits.
    init(_ router: Router<Route>, _ request: RequestHead) throws(Failure) {
        do throws(RouteMiss) {
            (route, parameters) = try router.find(request)
        } catch {
            throw Self.failure(error)
        }
    }

    private static func failure(_ miss: RouteMiss) -> Failure {
        switch miss {
        case .notFound:
            return Failure(
                404,
                "not_found",
                .data,
                "nothing is served at this path; \(Route.guide)"
            )
        case .methodNotAllowed(let allow):
            var failure = Failure(
                405,
                "method_not_allowed",
                .data,
                "this path takes \(allow) only; \(Route.guide)"
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
