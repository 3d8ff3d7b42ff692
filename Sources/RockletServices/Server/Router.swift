package import GEM
package import Transport

/// Finds the route of a request, and turns what it throws into answers.
struct Router: Sendable {
    /// Routes without parts in braces, by path.
    private var plain: [String: [Route]] = [:]
    /// The others, in the order they came.
    private var patterns: [(parts: [Part], route: Route)] = []

    private enum Part {
        case literal(Substring)
        case parameter
    }

    init(_ services: [any Service]) {
        for route in services.flatMap(\.routes) {
            guard route.path.contains("{") else {
                plain[route.path, default: []].append(route)
                continue
            }
            let parts = route.path.split(separator: "/").map { $0.hasPrefix("{") ? Part.parameter : .literal($0) }
            patterns.append((parts, route))
        }
    }

    func answer(_ request: HTTPRequest) async -> HTTPResponse {
        let path = request.path
        let method = request.method
        guard let (route, parameters) = find(method, path) else {
            let exists = plain[path] != nil || patterns.contains { Self.match($0.parts, path) != nil }
            return exists ? .detail(405, "Method Not Allowed") : .detail(.notFound, "Not Found")
        }
        do {
            return try await route.answer(Call(request: request, parameters: parameters))
        } catch let error as RockletException {
            return error.response
        } catch let error as InvalidBody {
            return error.response
        } catch let error as Failure {
            return error.response
        } catch let error as HTTPError {
            return .detail(error.status, error.message)
        } catch {
            return RockletException(.runtime, "\(error)").response
        }
    }

    private func find(_ method: String, _ path: String) -> (Route, [String])? {
        if let route = plain[path]?.first(where: { $0.method == method }) { return (route, []) }
        for (parts, route) in patterns where route.method == method {
            if let parameters = Self.match(parts, path) { return (route, parameters) }
        }
        return nil
    }

    private static func match(_ parts: [Part], _ path: String) -> [String]? {
        let words = path.split(separator: "/")
        guard words.count == parts.count else { return nil }
        var parameters: [String] = []
        for (part, word) in zip(parts, words) {
            switch part {
            case .literal(let text): guard text == word else { return nil }
            case .parameter: parameters.append(String(word))
            }
        }
        return parameters
    }
}

extension HTTPResponse {
    /// An answer without a result: `{"detail":"…"}`.
    package static func detail(_ status: HTTPStatus, _ text: String) -> HTTPResponse {
        .json(status) { json in
            json.name("detail")
            json.string(text)
        }
    }

    /// An object, whose members `write` writes.
    package static func json(_ status: HTTPStatus = .ok, _ write: (inout JSONWriter) -> Void) -> HTTPResponse {
        var json = JSONWriter()
        json.beginObject()
        write(&json)
        json.endObject()
        return .json(status, json.bytes)
    }
}
