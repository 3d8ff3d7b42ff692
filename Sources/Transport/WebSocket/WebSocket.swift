package struct WebSocketConfiguration: Sendable { package init() {} }
package final class WebSocket: Sendable { func goAway() {} }
extension HTTPConnection {
    func upgrade(
        _ response: HTTPResponse, _ configuration: WebSocketConfiguration,
        _ body: @Sendable (WebSocket) async throws -> Void
    ) async throws -> Bool { false }
}
